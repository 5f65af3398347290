package html_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/markup/html"
	"github.com/causeway-chat/causeway/internal/golden"
)

// FuzzParse: no input makes Parse fail, what Render makes of it is allowed
// HTML, and doing both again changes nothing.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/parse/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := strings.Cut(string(data), golden.Separator)
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input string) {
		b := html.Parse(input)
		if !reflect.DeepEqual(b, markup.Normalize(b)) {
			t.Errorf("not normal: %s", dump(t, b))
		}
		h, plain := html.Render(b)
		checkHTML(t, h)
		checkStable(t, b)
		if !utf8.ValidString(h + plain) {
			t.Errorf("invalid UTF-8 from %q", input)
		}
	})
}

// FuzzRender: no tree makes Render write more than allowed HTML, and what it
// writes is stable.
func FuzzRender(f *testing.F) {
	for seed := range byte(6) { // rapid draws a tree from a few thousand bytes
		data := make([]byte, 16_384)
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(data) // never fails
		f.Add(data)
	}
	f.Fuzz(rapid.MakeFuzz(checkRender))
}

func TestRenderAnyTree(t *testing.T) { rapid.Check(t, checkRender) }

func checkRender(t *rapid.T) {
	b := genBody(3).Draw(t, "body")
	h, plain := html.Render(b)
	checkHTML(t, h)
	parsed := html.Parse(h)
	checkStable(t, parsed)
	if want, got := squeeze(visible(markup.Normalize(b))), squeeze(visible(parsed)); got != want {
		t.Errorf("%q became %q by %q", want, got, h)
	}
	if !html.NeedsHTML(b) && squeeze(plain) != squeeze(parsed.String()) {
		t.Errorf("needs HTML after all: %q %q", h, plain)
	}
}

// visible is the text of b as Matrix shows it, without what Body.String adds.
func visible(ns []markup.Node) string {
	out := ""
	for _, n := range ns {
		switch n.Kind {
		case markup.Text, markup.Code, markup.CodeBlock, markup.Emoji:
			out += n.Text
		case markup.Everyone:
			out += "@room"
		case markup.Mention, markup.ChatLink:
			if strings.TrimSpace(n.Text) == "" {
				n.Text = n.User + n.Chat
			}
			out += n.Text
		default:
			out += visible(n.Children)
		}
		label := markup.Body(n.Children).String()
		if n.Kind == markup.Link && (n.URL == "tel:1" || n.URL[0] == 'm') && !markup.SameLink(label, n.URL) {
			out += "(" + n.URL + ")"
		}
	}
	return out
}

// squeeze is s without its white space.
func squeeze(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \u00a0\n\t", r) }), "")
}

// FuzzStripReplyFallback: what is removed is at the top and nothing else.
func FuzzStripReplyFallback(f *testing.F) {
	for _, c := range replyCases() {
		f.Add(c.body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if rest := html.StripReplyFallback(body); !strings.HasSuffix(body, rest) {
			t.Errorf("%q became %q", body, rest)
		}
	})
}
