package slack

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"

	"go.mau.fi/util/confusable"
	"golang.org/x/text/unicode/norm"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

const (
	// rosterWait is how long a relayed message waits for the list of all people, when it
	// is the first. Who speaks before the list is known has their Matrix ID behind their name.
	rosterWait = 3 * time.Second
	// rosterPage is how many people are asked for at once, the most that Slack gives.
	rosterPage = "999"
)

// A roster knows what everybody of a workspace is called, so that nobody who is relayed
// passes for one of them. It is read when somebody is relayed, a part in each turn where
// the workspace is large, and then follows what is learned of people, also of other
// workspaces, which are in no list. Names that were given up stay in it. It may be used
// concurrently.
type roster struct {
	mu      sync.Mutex // guards what follows
	looks   map[string]struct{}
	known   time.Time         // until when it need not be read again; zero: it was never read
	again   time.Time         // not to be read before
	cursors map[string]string // how far it was read, by workspace; "": to the end
}

// add takes somebody's names.
func (r *roster) add(names ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.looks == nil {
		r.looks = map[string]struct{}{}
	}
	for _, name := range names {
		for _, look := range looks(name) {
			r.looks[look] = struct{}{}
		}
	}
}

// has reports whether somebody is called like name, or may be: the roster was never known.
// One that is to be read again is good until then.
func (r *roster) has(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known.IsZero() {
		return true
	}
	for _, look := range looks(name) {
		if _, taken := r.looks[look]; taken {
			return true
		}
	}
	return false
}

// due reports whether the roster has to be read.
func (r *roster) due() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	return !now.Before(r.known) && !now.Before(r.again)
}

// read reads what is left of the roster. What was read before an error stays.
func (r *roster) read(ctx context.Context, acc *account) error {
	err := acc.eachTeam(ctx, url.Values{"limit": {rosterPage}}, func(args url.Values) (bool, error) {
		team := args.Get("team_id")
		for {
			r.mu.Lock()
			cursor, begun := r.cursors[team]
			r.mu.Unlock()
			if begun && cursor == "" {
				return false, nil
			}
			if args.Del("cursor"); begun {
				args.Set("cursor", cursor)
			}
			page, next, err := acc.userPage(ctx, args)
			if err != nil {
				return false, err
			}
			for i := range page {
				p := page[i].person()
				r.add(p.Name, p.Handle, page[i].Profile.RealName, page[i].RealName)
			}
			r.mu.Lock()
			if r.cursors == nil {
				r.cursors = map[string]string{}
			}
			r.cursors[team] = next
			r.mu.Unlock()
		}
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.known, r.cursors = time.Now().Add(personFor), nil
	case network.KindOf(err) == network.Rejected: // it may not be read, or a cursor is too old
		r.cursors, r.again = nil, time.Now().Add(rosterAgain)
	default: // the rest is for another turn
		r.again = time.Now().Add(rosterWait)
	}
	return err
}

// rosterAgain is how long the roster is not asked for when that was refused.
const rosterAgain = 10 * time.Minute

// face is how somebody who is relayed appears in Slack: under a name that nobody in the
// workspace has, nor the app, nor Slack itself.
func (c *Client) face(ctx context.Context, acc *account, p network.Persona) convert.Face {
	if d := c.conn.dir; d.roster.due() {
		read := d.flight.DoChan("roster", func() (any, error) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupFor)
			defer cancel()
			return nil, d.roster.read(ctx, acc)
		})
		timer := time.NewTimer(rosterWait)
		defer timer.Stop()
		select {
		case <-read: // without it nobody is told from anybody, see has
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return convert.NewFace(p, func(name string) bool { return c.conn.dir.taken(acc, name) })
}

// taken reports whether somebody of the workspace is called like name, or nearly so, as
// far as that is known, or may be.
func (d *directory) taken(acc *account, name string) bool {
	return looks(name) == nil || d.roster.has(name) || alike(name, "Slackbot") || alike(name, "Slack") || alike(name, acc.User)
}

// alike reports whether two names look alike.
func alike(a, b string) bool {
	for _, x := range looks(a) {
		for _, y := range looks(b) {
			if x == y {
				return true
			}
		}
	}
	return false
}

// looks are what a name looks like: names that people cannot tell apart have one in common.
// Each is the skeleton of UTS 39 without case, accents, space and marks: of the name as it
// is written and of the name in capitals, because other letters are alike there.
func looks(name string) []string {
	small, great := skeleton(name), skeleton(strings.ToUpper(name))
	switch {
	case small == "":
		return nil
	case small == great:
		return []string{small}
	}
	return []string{small, great}
}

func skeleton(name string) string {
	visible := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, name)
	great := norm.NFKC.String(confusable.Skeleton(visible))
	small := confusable.Skeleton(strings.ToLower(great)) // one of two alike letters may be great
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsMark(r):
			return -1
		case r == 'i' || r == '!' || r == '|':
			return 'l' // as capital I and small l are one
		case r == '5' || r == '$':
			return 's'
		case unicode.IsPunct(r):
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(small))
}
