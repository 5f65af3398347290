package html_test

import (
	"regexp"
	"slices"
	"strings"

	xhtml "golang.org/x/net/html"
)

// allowed lists, for every tag that may be written, the attributes and what
// their values must match (Matrix client-server API v1.11, m.room.message
// msgtypes; data-mx-emoticon and height from MSC2545).
func allowed(tag string) (map[string]*regexp.Regexp, bool) {
	re := func(s string) *regexp.Regexp { return regexp.MustCompile(`^(?s:` + s + `)$`) }
	switch tag {
	case "strong", "em", "del", "u", "code", "pre", "blockquote", "p", "ul", "ol", "li", "hr", "br",
		"h1", "h2", "h3", "h4", "h5", "h6":
		switch tag {
		case "ol":
			return map[string]*regexp.Regexp{"start": re(`[0-9]+`)}, true
		case "code":
			return map[string]*regexp.Regexp{"class": re(`language-[A-Za-z0-9_.+#-]+`)}, true
		}
		return nil, true
	case "span":
		colour := re(`#[0-9a-f]{6}`)
		return map[string]*regexp.Regexp{"data-mx-spoiler": re(`.*`), "data-mx-color": colour, "data-mx-bg-color": colour}, true
	case "a":
		return map[string]*regexp.Regexp{"href": re(`(?i:https?|ftp|mailto|magnet):.+`)}, true
	case "img":
		return map[string]*regexp.Regexp{
			"data-mx-emoticon": re(``), "src": re(`mxc://[^/]+/[A-Za-z0-9_-]+`),
			"alt": re(`.*`), "title": re(`.*`), "height": re(`32`),
		}, true
	}
	return nil, false
}

// checkHTML checks that h is nothing but allowed tags, properly nested, and
// text.
func checkHTML(t tb, h string) {
	t.Helper()
	z := xhtml.NewTokenizer(strings.NewReader(h))
	var open []string
	for z.Next() != xhtml.ErrorToken {
		switch tok := z.Token(); tok.Type {
		case xhtml.TextToken:
			if strings.ContainsAny(tok.Data, "\x00\x01\x02\x03\x1b\x7f") {
				t.Errorf("control character in %q", h)
			}
		case xhtml.StartTagToken:
			checkTag(t, tok, h)
			if slices.Contains([]string{"br", "hr", "img"}, tok.Data) {
				continue
			}
			if open = append(open, tok.Data); len(open) > 100 {
				t.Fatalf("nested %d deep: %q", len(open), h)
			}
			if tok.Data == "a" && slices.Index(open, "a") != len(open)-1 {
				t.Errorf("link in a link: %q", h)
			}
		case xhtml.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != tok.Data {
				t.Fatalf("</%s> closes %v in %q", tok.Data, open, h)
			}
			open = open[:len(open)-1]
		default:
			t.Errorf("%v in %q", tok.Type, h)
		}
	}
	if len(open) > 0 {
		t.Errorf("not closed: %v in %q", open, h)
	}
}

func checkTag(t tb, tok xhtml.Token, h string) {
	t.Helper()
	attrs, ok := allowed(tok.Data)
	if !ok {
		t.Errorf("tag <%s> in %q", tok.Data, h)
	}
	for _, a := range tok.Attr {
		if re := attrs[a.Key]; re == nil || !re.MatchString(a.Val) {
			t.Errorf("attribute %s=%q of <%s> in %q", a.Key, a.Val, tok.Data, h)
		}
	}
}

// tb is what the checks need of a *testing.T or a *rapid.T.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Fatal(args ...any)
}
