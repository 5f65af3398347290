package convert

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/internal/golden"
)

// compare is golden.Run for what has one result.
func compare(t *testing.T, dir string, convert func(t *testing.T, input string) string) {
	t.Helper()
	golden.Run(t, dir, func(t *testing.T, input string) []string { return []string{convert(t, input)} })
}

// dump is a value as JSON, a tree with a line for each of its nodes.
func dump(v any) string {
	var s strings.Builder
	e := json.NewEncoder(&s)
	e.SetEscapeHTML(false)
	if b, ok := v.(markup.Body); ok {
		for _, n := range b {
			_ = e.Encode(n) // texts and numbers
		}
	} else {
		_ = e.Encode(v)
	}
	return strings.TrimSuffix(s.String(), "\n")
}

// known is a workspace in which some things are known.
func known() Lookup {
	in := func(m map[string]string) func(string) (string, bool) {
		return func(id string) (string, bool) { s, ok := m[id]; return s, ok }
	}
	return Lookup{
		User:    in(map[string]string{"U012AB3CD": "Alice", "U012AB3CE": "Bob <x>", "U123ABC456": "Carol", "W012AB3CF": "Dora", "B012AB3CG": "Deploys"}),
		Channel: in(map[string]string{"C123ABC456": "general", "C012AB3CD": "random", "C061EG9SL": "general"}),
		Group:   in(map[string]string{"S0614TZR7": "admins", "G123ABC456": "staff"}),
		Team:    in(map[string]string{"T123ABC456": "Acme"}),
		Emoji:   in(map[string]string{"partyparrot": "mxc://x/parrot", "日本": "mxc://x/jp"}),
		Alias:   in(map[string]string{"yes": "thumbsup", "hello": "wave", "odd": "nosuch"}),
	}
}

// TestMessages reads messages as Slack gives them.
func TestMessages(t *testing.T) {
	compare(t, "messages", func(t *testing.T, input string) string { return describe(t, input, known()) })
}

// TestPictures reads messages whose pictures are to be parts of their own.
func TestPictures(t *testing.T) {
	compare(t, "pictures", func(t *testing.T, input string) string {
		l := known()
		l.Images = true
		return describe(t, input, l)
	})
}

// TestBlocks reads lists of blocks.
func TestBlocks(t *testing.T) {
	compare(t, "blocks", func(t *testing.T, input string) string {
		return describe(t, `{"type":"message","user":"U012AB3CD","ts":"1355517523.000005","text":"fallback","blocks":`+input+`}`, known())
	})
}

// TestMrkdwn reads one text on each line; "\n" in it stands for a line feed.
func TestMrkdwn(t *testing.T) {
	compare(t, "mrkdwn", func(t *testing.T, input string) string {
		var w strings.Builder
		for _, line := range strings.Split(input, "\n") {
			b := markup.Normalize(known().mrkdwn(strings.ReplaceAll(line, `\n`, "\n")))
			fmt.Fprintf(&w, "%s\n%s\n\n", line, dump(b))
		}
		return strings.TrimSpace(w.String())
	})
}

func describe(t *testing.T, input string, l Lookup) string {
	m, err := Parse([]byte(input))
	if err != nil {
		t.Fatal(err)
	}
	var w strings.Builder
	fmt.Fprintf(&w, "kind %s, sender %q", kindName(m.Kind()), m.Sender())
	switch m.Kind() {
	case Changed:
		fmt.Fprintf(&w, ", target %s, rewritten %v\nnow: %s", m.Target(), m.Rewritten(l), describeContent(m.Inner.Content(l)))
	case Deleted:
		fmt.Fprintf(&w, ", target %s", m.Target())
	case Altered:
		fmt.Fprintf(&w, "\nchange %s", dump(m.Change()))
	case Said, Notice:
		if ids := m.Unchecked(); ids != nil {
			fmt.Fprintf(&w, ", unchecked %q", ids)
		}
		if m.InThread() {
			fmt.Fprintf(&w, ", in a thread, broadcast %v", m.Broadcast())
		}
		w.WriteString(describeContent(m.Content(l)))
	}
	if len(m.Reactions)+len(m.Edited) > 0 || m.Metadata != nil {
		fmt.Fprintf(&w, "\nedited %q, reactions %s, metadata %s", m.Edited, dump(m.Reactions), dump(m.Metadata))
	}
	return w.String()
}

func kindName(k Kind) string {
	return []string{"Said", "Notice", "Changed", "Deleted", "Altered", "Nothing"}[k]
}

func describeContent(c network.Content) string {
	var w strings.Builder
	if c.Thread != nil {
		fmt.Fprintf(&w, "\nthread %s", dump(c.Thread))
	}
	if c.Persona != nil {
		fmt.Fprintf(&w, "\npersona %s", dump(c.Persona))
	}
	for i, p := range c.Parts {
		fmt.Fprintf(&w, "\npart %d %s", i, p.Style)
		if p.Media != nil {
			ref := string(p.Media.Ref)
			m := *p.Media
			m.Ref = nil
			fmt.Fprintf(&w, "\nmedia %s ref %s", dump(m), ref)
		}
		if len(p.Text) > 0 {
			fmt.Fprintf(&w, "\n%s\n-- as text:\n%s", dump(p.Text), p.Text)
		}
	}
	return w.String()
}
