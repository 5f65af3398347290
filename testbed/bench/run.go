package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/causeway-chat/causeway/testbed/bench/wire"
	"github.com/causeway-chat/causeway/testbed/child"
)

// A stage is what the rows are measured on.
type stage struct {
	o     options
	z     sizes
	dir   string
	errs  io.Writer
	stub  *process
	ready map[string]*bridge // the shared bridges, by role
	made  int                // bridges so far
}

// run is the whole program.
func run(ctx context.Context, args []string, out, errs io.Writer) (err error) {
	o, err := parse(args, errs)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "causeway-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &stage{o: o, z: full(), dir: dir, errs: errs, ready: map[string]*bridge{}}
	if o.quick {
		s.z = quick()
	}
	if err := s.build(ctx); err != nil {
		return err
	}
	if err := s.startStub(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	t := newTable()
	for _, r := range rows(s.z) {
		if wanted(o.only, r.name) && ctx.Err() == nil {
			s.row(ctx, t, r)
		}
	}
	if wanted(o.only, "burst") && ctx.Err() == nil {
		s.floor(ctx, t)
	}
	if o.plot != "" && ctx.Err() == nil {
		if t.growths, err = s.plot(ctx); err != nil {
			t.problems = append(t.problems, err)
		}
	}
	t.print(out) // also what there is when it was interrupted
	return errors.Join(t.err(), ctx.Err())
}

// floor measures what no bridge can exceed, as often as everything else.
func (s *stage) floor(ctx context.Context, t *table) {
	for range s.o.runs {
		f, err := s.measureFloor(ctx, s.z.raw)
		if err != nil {
			t.problems = append(t.problems, err)
			return
		}
		t.floors = append(t.floors, f)
	}
}

// wanted reports whether a row is to be measured.
func wanted(only []string, name string) bool {
	return len(only) == 0 || slices.ContainsFunc(only, func(p string) bool { return strings.HasPrefix(name, p) })
}

// build builds the bridges.
func (s *stage) build(ctx context.Context) error {
	bin := filepath.Join(s.dir, "bin") + string(filepath.Separator)
	if err := os.Mkdir(bin, 0o700); err != nil {
		return err
	}
	const folder = "github.com/causeway-chat/causeway/testbed/bench/"
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "goolm", "-o", bin, folder+wire.RoleCauseway, folder+wire.RolePeer)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // the same with and without a C compiler
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the bridges, which needs Causeway's sources (go run -C testbed ./bench): %w: %s", err, out)
	}
	return nil
}

func (s *stage) startStub(ctx context.Context) (err error) {
	spec := wire.Spec{Role: wire.RoleStub, Dir: s.dir}
	for _, a := range []*string{&spec.Control, &spec.Listen} {
		if *a, err = child.FreeAddr(); err != nil {
			return err
		}
	}
	s.stub, err = launch(ctx, spec)
	return err
}

// close ends all children. What they have is thrown away, so it need not be gentle.
func (s *stage) close() error {
	var errs []error
	for _, b := range s.ready {
		errs = append(errs, b.end(context.Background(), true))
	}
	return errors.Join(append(errs, s.stub.end(context.Background(), true))...)
}

// row measures one row as often as is asked for, the bridges in turn.
func (s *stage) row(ctx context.Context, t *table, r row) {
	roles := []string{wire.RolePeer, wire.RoleCauseway}
	if r.alone || s.o.alone {
		roles = roles[1:]
	}
	for i := range s.o.runs {
		found := map[string]values{}
		for _, role := range roles {
			if ctx.Err() != nil {
				break
			}
			fmt.Fprintf(s.errs, "%s, run %d, %s ... ", r.name, i+1, role)
			v, err := s.measure(ctx, r, role)
			if err != nil {
				fmt.Fprintln(s.errs, err)
				t.fail(r, role, err)
				s.discard(role)
				continue
			}
			fmt.Fprintln(s.errs, r.brief(v))
			found[role] = v
		}
		t.add(r, found)
		slices.Reverse(roles) // neither always comes first
	}
}

// brief is a measurement in one line.
func (r row) brief(v values) string {
	var b strings.Builder
	for _, m := range r.metrics {
		if x, ok := v[m.key]; ok {
			fmt.Fprintf(&b, "%s %s %s; ", m.what, number(x), m.unit)
		}
	}
	return strings.TrimSuffix(b.String(), "; ")
}

// measure measures one bridge once.
func (s *stage) measure(ctx context.Context, r row, role string) (v values, err error) {
	b, err := s.bridge(ctx, r, role)
	if err != nil {
		return nil, err
	}
	if r.fresh {
		defer func() { err = errors.Join(err, b.end(ctx, true), os.RemoveAll(b.spec.Dir)) }()
	}
	if s.o.profile != "" && role == wire.RoleCauseway {
		if b.profile, err = s.profilePath(r); err != nil {
			return nil, err
		}
		if err := b.startProfile(ctx); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, b.endProfile(ctx)) }()
	}
	return r.measure(ctx, b)
}

// profilePath is where the profiles of a row go: one for each start of the bridge.
func (s *stage) profilePath(r row) (string, error) {
	if err := os.MkdirAll(s.o.profile, 0o700); err != nil {
		return "", err
	}
	return filepath.Abs(filepath.Join(s.o.profile, r.name))
}

// bridge is the bridge for a row: a new one, or the shared one, whose chats have
// all spoken already.
func (s *stage) bridge(ctx context.Context, r row, role string) (*bridge, error) {
	if b := s.ready[role]; b != nil && !r.fresh {
		return b, nil
	}
	b, err := s.newBridge(ctx, role)
	if err != nil || r.fresh {
		return b, err
	}
	s.ready[role] = b
	fmt.Fprintf(s.errs, "(makes %s) ", plural(s.z.chats[2], "room"))
	return b, b.prepare(ctx, wire.Chats{Prefix: shared, N: s.z.chats[2]})
}

// prepare has all chats speak, before and after a restart: what is measured then
// is neither the first time for a room nor for the process.
func (b *bridge) prepare(ctx context.Context, c wire.Chats) error {
	if _, err := b.in(ctx, wire.Load{Count: c.N, Chats: c}); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	if _, err := b.restart(ctx); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	if _, err := b.in(ctx, wire.Load{Count: c.N, Chats: c}); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	return nil
}

// discard ends a shared bridge that failed, so that the next row gets another.
func (s *stage) discard(role string) {
	if b := s.ready[role]; b != nil {
		_ = b.end(context.Background(), true) // it may have ended already
		delete(s.ready, role)
	}
}
