package html_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/markup/html"
	"github.com/causeway-chat/causeway/internal/golden"
)

// TestParse: formatted_body, then the tree, the HTML and the plain text.
func TestParse(t *testing.T) {
	golden.Run(t, "parse", func(t *testing.T, input string) []string {
		b := html.Parse(input)
		h, plain := html.Render(b)
		checkStable(t, b)
		checkHTML(t, h)
		return []string{dump(t, b), h, plain}
	})
}

// TestRender: the tree as JSON, then the HTML and the plain text.
func TestRender(t *testing.T) {
	golden.Run(t, "render", func(t *testing.T, input string) []string {
		var b markup.Body
		if err := json.Unmarshal([]byte(input), &b); err != nil {
			t.Fatal(err)
		}
		h, plain := html.Render(b)
		checkHTML(t, h)
		checkStable(t, html.Parse(h))
		return []string{h, plain}
	})
}

// dump is the tree as JSON, one top-level node per line.
func dump(t tb, b markup.Body) string {
	var lines []string
	for _, n := range b {
		var s strings.Builder
		e := json.NewEncoder(&s)
		e.SetEscapeHTML(false)
		if err := e.Encode(n); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.TrimSpace(s.String()))
	}
	return strings.Join(lines, "\n")
}

// checkStable checks that a parsed tree survives Render and Parse.
func checkStable(t tb, b markup.Body) {
	t.Helper()
	h, plain := html.Render(b)
	again := html.Parse(h)
	if !reflect.DeepEqual(b, again) {
		t.Errorf("Parse(Render(tree)) is another tree:\n%s\nbecame\n%s\nby %q", dump(t, b), dump(t, again), h)
	}
	h2, plain2 := html.Render(again)
	if h2 != h || plain2 != plain {
		t.Errorf("Render(Parse(html)) changes it:\n%q\n%q\nplain:\n%q\n%q", h, h2, plain, plain2)
	}
}
