package markup

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Links and addresses in texts are offered, code and names are not; what is not
// taken stays as it was.
func TestRelink(t *testing.T) {
	txt := func(s string) Node { return Node{Kind: Text, Text: s} }
	link := Node{Kind: Link, URL: "https://b.example/", Children: []Node{txt("https://label.example/")}}
	b := Body{
		txt("see https://a.example/x, (https://c.example/y_(z)) and matrix:r/room:x.org."),
		{Kind: Bold, Children: []Node{link, txt(" https://d.example/_")}},
		{Kind: Code, Text: "https://code.example/"},
		{Kind: CodeBlock, Text: "https://code.example/"},
		{Kind: Mention, User: "u", Text: "https://name.example/"},
	}
	var offered []string
	kept := Relink(b, func(n Node) (Node, bool) {
		offered = append(offered, n.URL)
		return Node{}, false
	})
	want := []string{"https://a.example/x", "https://c.example/y_(z)", "matrix:r/room:x.org", "https://b.example/", "https://d.example/_"}
	if !slices.Equal(offered, want) {
		t.Errorf("offered %q", offered)
	}
	if !reflect.DeepEqual(kept, b) {
		t.Errorf("kept %+v", kept)
	}
	got := Relink(b, func(n Node) (Node, bool) { return txt("<" + Body(n.Children).String() + ">"), true })
	if s, _, _ := strings.Cut(got.String(), "https://code"); s != "see <https://a.example/x>, (<https://c.example/y_(z)>) and <matrix:r/room:x.org>.<https://label.example/> <https://d.example/_>" {
		t.Errorf("became %q", s)
	}
	for _, plain := range []Body{nil, Plain("no address"), Plain("https://"), Plain("matrix: no")} {
		if got := Relink(plain, func(Node) (Node, bool) { return txt("x"), true }); got.String() != plain.String() {
			t.Errorf("%q became %q", plain.String(), got.String())
		}
	}
}
