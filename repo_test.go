// Package repo holds no code: its test guards the rules of this repository that
// no linter knows. They are docs/architecture.md, as far as a machine can check it.
package repo

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	module  = "github.com/causeway-chat/causeway/"
	maxFile = 500 // lines, of tests too
	maxFunc = 60  // lines, outside of tests
)

// exceptions are the files and functions that may be longer, and the func init
// that may be, each with the reason. One that is no longer needed fails the test
// too.
func exceptions() map[string]string {
	return map[string]string{
		"testbed/sqlite3: init": "database/sql finds a driver by the name under which an init registers it, and Dendrite asks for this name",
	}
}

func TestRepo(t *testing.T) {
	sources := map[string]string{}
	root := os.DirFS(".")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(root, name)
		sources[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) < 100 {
		t.Fatalf("only %d files found", len(sources))
	}
	r, err := parse(sources)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.check(exceptions()) {
		t.Error(p)
	}
}

// A repo is parsed source files by their paths.
type repo struct {
	fset     *token.FileSet
	files    map[string]*ast.File
	problems []string
}

func parse(sources map[string]string) (*repo, error) {
	r := &repo{fset: token.NewFileSet(), files: map[string]*ast.File{}}
	for name, text := range sources {
		f, err := parser.ParseFile(r.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		r.files[name] = f
	}
	return r, nil
}

// check returns all problems in the order of the paths.
func (r *repo) check(except map[string]string) []string {
	needed := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		f := r.files[name]
		r.imports(name, f)
		r.assertions(name, f)
		r.words(f)
		r.sizes(name, f, except, needed)
		if !isTest(name) {
			r.globals(name, f, except, needed)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(except)) {
		if !needed[name] || except[name] == "" {
			r.add("%s: the exception is not needed, or gives no reason", name)
		}
	}
	r.packageComments()
	r.connectorFiles()
	return r.problems
}

func (r *repo) add(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

// at is where a node is.
func (r *repo) at(n ast.Node) string {
	p := r.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

// optional are the names of the interfaces that a client may implement.
func (r *repo) optional() []string {
	f := r.files["bridgekit/network/ops.go"]
	if f == nil {
		return nil
	}
	var names []string
	ast.Inspect(f, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			if _, ok := spec.Type.(*ast.InterfaceType); ok {
				names = append(names, spec.Name.Name)
			}
		}
		return true
	})
	return names
}

// assertions keeps the question what a client can do in network.Resolve and its
// helpers. Where it is asked elsewhere, a client that is wrapped loses what it can.
func (r *repo) assertions(name string, f *ast.File) {
	names, inside := r.optional(), path.Dir(name) == "bridgekit/network"
	check := func(e ast.Expr) {
		var asked string
		switch e := e.(type) {
		case *ast.SelectorExpr:
			if x, ok := e.X.(*ast.Ident); ok && x.Name == "network" {
				asked = e.Sel.Name
			}
		case *ast.Ident:
			if inside {
				asked = e.Name
			}
		}
		if slices.Contains(names, asked) {
			r.add("%s: network.%s is asserted outside of network.Resolve", r.at(e), asked)
		}
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && inside && strings.HasPrefix(strings.ToLower(fn.Name.Name), "resolve") {
			continue
		}
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeAssertExpr:
				check(n.Type)
			case *ast.TypeSwitchStmt:
				for _, c := range n.Body.List {
					for _, e := range c.(*ast.CaseClause).List {
						check(e)
					}
				}
			}
			return true
		})
	}
}

// words finds notes of work that was left for later.
func (r *repo) words(f *ast.File) {
	later := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b`)
	for _, group := range f.Comments {
		for _, c := range group.List {
			if word := later.FindString(c.Text); word != "" {
				r.add("%s: a comment says %s: do it, or file an issue", r.at(c), word)
			}
		}
	}
}

// sizes measures files, and functions outside of tests.
func (r *repo) sizes(name string, f *ast.File, except map[string]string, needed map[string]bool) {
	measure := func(what string, n ast.Node, lines, most int) {
		if lines <= most {
			return
		}
		if _, ok := except[what]; ok {
			needed[what] = true
			return
		}
		r.add("%s: %s has %d lines, at most %d", r.at(n), what, lines, most)
	}
	measure(name, f, r.fset.File(f.Pos()).LineCount(), maxFile)
	if isTest(name) {
		return
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			first, last := r.fset.Position(fn.Pos()).Line, r.fset.Position(fn.End()).Line
			measure(path.Dir(name)+": "+funcName(fn), fn, last-first+1, maxFunc)
		}
	}
}

// funcName is a function's name, with its receiver's type in front.
func funcName(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	t := fn.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if index, ok := t.(*ast.IndexExpr); ok {
		t = index.X
	}
	return fmt.Sprintf("%v.%s", t, fn.Name.Name)
}

// globals finds what happens before main, and state that nobody owns.
func (r *repo) globals(name string, f *ast.File, except map[string]string, needed map[string]bool) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv != nil || d.Name.Name != "init" {
				continue
			}
			what := path.Dir(name) + ": init"
			if _, ok := except[what]; ok {
				needed[what] = true
			} else {
				r.add("%s: func init: do it where it is needed, or in main", r.at(d))
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR {
				continue
			}
			for _, s := range d.Specs {
				r.global(d, s.(*ast.ValueSpec))
			}
		}
	}
}

// global allows interface guards, embedded files, errors and regular expressions.
func (r *repo) global(d *ast.GenDecl, s *ast.ValueSpec) {
	for _, group := range []*ast.CommentGroup{d.Doc, s.Doc} {
		if group == nil {
			continue
		}
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "//go:embed ") {
				return
			}
		}
	}
	for i, name := range s.Names {
		constant := i < len(s.Values) && (calls(s.Values[i], "errors", "New") || calls(s.Values[i], "regexp", "MustCompile"))
		if name.Name != "_" && !constant {
			r.add("%s: var %s is a package variable; pass it, or make it a constant or a function", r.at(name), name.Name)
		}
	}
}

// calls reports whether e is a call of a function of a package.
func calls(e ast.Expr, pkg, name string) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg && sel.Sel.Name == name
}

// packageComments wants the comment of each package in its doc.go; that of a
// program may be in main.go.
func (r *repo) packageComments() {
	where := map[string]string{} // folder: package name
	for name, f := range r.files {
		if !isTest(name) {
			where[path.Dir(name)] = f.Name.Name
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(where)) {
		f := r.files[path.Join(folder, "doc.go")]
		if f == nil && where[folder] == "main" {
			f = r.files[path.Join(folder, "main.go")]
		}
		if f == nil || f.Doc == nil {
			r.add("%s: no package comment in doc.go", folder)
		}
	}
}

// connectorFiles wants the same files in each connector, so that who knows one
// knows all.
func (r *repo) connectorFiles() {
	connectors := map[string]bool{}
	for name := range r.files {
		if parts := strings.Split(name, "/"); len(parts) == 3 && parts[0] == "bridges" {
			connectors[parts[1]] = true
		}
	}
	for _, one := range slices.Sorted(maps.Keys(connectors)) {
		for _, file := range []string{"connector.go", "login.go", "client.go", "receive.go", "send.go", "ids.go"} {
			name := path.Join("bridges", one, file)
			if r.files[name] == nil {
				r.add("%s: every connector has this file", name)
			}
		}
	}
}

// TestRulesCatch: each rule finds what it is there for, and nothing in its good
// counterpart. A case is one file, besides the contract and a connector.
func TestRulesCatch(t *testing.T) {
	ops := "package network\n\ntype Editor interface{ Edit() }\n\nfunc Resolve(c any) {\n\t_, _ = c.(Editor)\n}\n"
	long := "package a\n\nfunc f() {\n" + strings.Repeat("\tf()\n", maxFunc-2) + "}\n"
	for _, one := range []struct{ name, text, want string }{
		{"bridgekit/network/x.go", `import _ "` + module + `bridgekit/markup"`, ""},
		{"bridgekit/network/x.go", `import _ "` + module + `bridgekit/markup/html"`, "bridgekit/network may not import bridgekit/markup/html"},
		{"bridgekit/network/x.go", `import _ "golang.org/x/text"`, "standard library only, not golang.org/x/text"},
		{"bridgekit/network/x_test.go", `import _ "golang.org/x/text"`, ""},
		{"bridgekit/markup/x.go", `import _ "` + module + `bridgekit/network"`, "bridgekit/markup may not import bridgekit/network"},
		{"bridgekit/portal/x.go", `import _ "` + module + `bridgekit/matrix"`, ""},
		{"bridgekit/portal/x.go", `import _ "` + module + `bridges/irc"`, "bridgekit/portal may not import bridges/irc"},
		{"bridgekit/portal/x_test.go", `import _ "` + module + `bridges/irc"`, "may not import bridges/irc"},
		{"bridgekit/portal/x.go", `import _ "` + module + `cmd/causeway"`, "may not import cmd/causeway"},
		{"bridgekit/matrix/x.go", `import _ "` + module + `bridgekit/network"`, "bridgekit/matrix may not import bridgekit/network"},
		{"bridgekit/matrix/x.go", `import _ "` + module + `bridgekit/matrixtest"`, "may not import bridgekit/matrixtest"},
		{"bridgekit/matrix/x_test.go", `import _ "` + module + `bridgekit/matrixtest"`, ""},
		{"bridges/irc/x.go", `import _ "` + module + `bridges/irc/convert"`, ""},
		{"bridges/irc/x.go", `import _ "` + module + `bridgekit/store"`, "bridges/irc may not import bridgekit/store"},
		{"bridges/irc/x.go", `import _ "` + module + `bridges/slack"`, "bridges/irc may not import bridges/slack"},
		{"bridges/irc/x.go", `import _ "` + module + `bridgekit/networktest"`, "may not import bridgekit/networktest"},
		{"bridges/irc/x_test.go", `import _ "` + module + `bridgekit/networktest"`, ""},
		{"bridges/irc/convert/x.go", `import _ "` + module + `bridges/irc"`, "bridges/irc/convert may not import bridges/irc"},
		{"bridges/irc/convert/x.go", `import _ "` + module + `internal/golden"`, "bridges/irc/convert may not import internal/golden"},
		{"bridges/irc/convert/x_test.go", `import _ "` + module + `internal/golden"`, ""},
		{"cmd/causeway/x.go", `import _ "` + module + `bridges/irc"`, ""},
		{"cmd/causeway/x.go", `import _ "` + module + `testbed/ircd"`, "cmd/causeway may not import testbed/ircd"},

		{"bridgekit/portal/x.go", `func f(c any) { _, _ = c.(network.Editor) }`, "network.Editor is asserted outside"},
		{"bridgekit/portal/x.go", `func f(c any) { switch c.(type) { case network.Editor: } }`, "network.Editor is asserted outside"},
		{"bridgekit/network/x.go", `func f(c any) { _, _ = c.(Editor) }`, "network.Editor is asserted outside"},
		{"bridgekit/portal/x.go", `func f(c any) { switch c.(type) { case network.Message: } }`, ""},
		{"bridges/irc/x.go", `var _ network.Editor = (*Client)(nil)`, ""},

		{"bridgekit/portal/x.go", "// " + "TO" + "DO: later", "a comment says TO" + "DO"},
		{"bridgekit/portal/x_test.go", "func f() {\n\t// FIX" + "ME\n}", "a comment says FIX" + "ME"},
		{"bridgekit/portal/x.go", "func init() {}", "func init"},
		{"testbed/sqlite3/doc.go", "func init() {}", "testbed/sqlite3/doc.go:2: func init"},
		{"bridgekit/portal/x.go", "type T int\n\nfunc (T) init() {}", ""},
		{"bridgekit/portal/x.go", "var counter int", "var counter is a package variable"},
		{"bridgekit/portal/x.go", "var a, b = errors.New(\"a\"), map[int]int{}", "var b is a package variable"},
		{"bridgekit/portal/x_test.go", "var counter int", ""},
		{"bridgekit/portal/x.go", "var errA = errors.New(\"a\")\n\nvar re = regexp.MustCompile(`a`)\n\n//go:embed x\nvar files embed.FS", ""},
		{"bridgekit/portal/x.go", strings.TrimPrefix(long, "package a\n"), ""},
		{"bridgekit/portal/x.go", strings.Replace(strings.TrimPrefix(long, "package a\n"), "}", "\tf()\n}", 1), "bridgekit/portal: f has 61 lines, at most 60"},
		{"bridgekit/portal/x.go", "func (t *T[K]) g() {" + strings.Repeat("\n", 60) + "}", "bridgekit/portal: T.g has 61 lines"},
		{"bridgekit/portal/x_test.go", "func f() {" + strings.Repeat("\n", 60) + "}", ""},
		{"bridgekit/portal/x.go", strings.Repeat("\n", maxFile-1), ""},
		{"bridgekit/portal/x.go", strings.Repeat("\n", maxFile), "bridgekit/portal/x.go has 501 lines, at most 500"},
		{"bridgekit/portal/x_test.go", strings.Repeat("\n", maxFile), "bridgekit/portal/x_test.go has 501 lines, at most 500"},
		{"bridgekit/hub/x.go", "", "bridgekit/hub: no package comment in doc.go"},
		{"cmd/other/main.go", "", "cmd/other: no package comment in doc.go"},
		{"bridges/slack/doc.go", "", "bridges/slack/ids.go: every connector has this file"},
	} {
		sources := map[string]string{one.name: "package a\n" + one.text, "bridgekit/network/ops.go": ops}
		for _, folder := range []string{"bridgekit/network", "bridgekit/markup", "bridgekit/portal", "bridgekit/matrix", "bridges/irc", "bridges/irc/convert", "cmd/causeway"} {
			sources[folder+"/doc.go"] = "// Package comment.\npackage a\n"
		}
		for _, file := range []string{"connector", "login", "client", "receive", "send", "ids"} {
			sources["bridges/irc/"+file+".go"] = "package a\n"
		}
		r, err := parse(sources)
		if err != nil {
			t.Fatalf("%s: %v", one.text, err)
		}
		got := strings.Join(r.check(nil), "\n")
		if !strings.Contains(got, one.want) || one.want == "" && got != "" {
			t.Errorf("%s: %.80q:\n got %s\nwant %s", one.name, one.text, got, one.want)
		}
	}
}

// TestExceptions: an exception helps once, with a reason, and not for longer than
// it is needed.
func TestExceptions(t *testing.T) {
	long := map[string]string{"a/doc.go": "// Package comment.\npackage a\n" + strings.Repeat("\n", maxFile), "a/f.go": "package a\n\nfunc f() {" + strings.Repeat("\n", maxFunc) + "}\n"}
	short := map[string]string{"a/doc.go": "// Package comment.\npackage a\n"}
	except := map[string]string{"a/doc.go": "a table", "a: f": "a table"}
	for _, one := range []struct {
		sources, except map[string]string
		problems        int
	}{
		{long, nil, 2},
		{long, except, 0},
		{long, map[string]string{"a/doc.go": "", "a: f": "a table"}, 1},
		{short, except, 2},
	} {
		r, err := parse(one.sources)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.check(one.except); len(got) != one.problems {
			t.Errorf("%d problems, want %d: %q", len(got), one.problems, got)
		}
	}
}
