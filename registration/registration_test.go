package registration

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/causeway-chat/causeway/internal/golden"
)

// options of most tests; the domain and prefix have characters to escape.
func options() Options {
	return Options{URL: "http://localhost:29350", Domain: "example.org", Prefix: "_cw_", Bot: "causeway"}
}

// fixed is r with tokens that a golden file can hold.
func fixed(r Registration) Registration {
	r.ASToken, r.HSToken = strings.Repeat("0123456789abcdef", 4), strings.Repeat("fedcba9876543210", 4)
	return r
}

func TestGolden(t *testing.T) {
	odd := Options{URL: "https://causeway.example.org/as", Domain: "[::1]:8448", Prefix: "a.b_", Bot: "a.b_bot"}
	for name, r := range map[string]Registration{
		"registration.yaml": New(options()), "double-puppet.yaml": NewDoublePuppet(options()), "odd.yaml": New(odd),
	} {
		got, err := fixed(r).YAML()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
		if golden.Update() {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: -want +got (go test -update writes it)\n%s", name, diff)
		}
		back, err := Parse(name, got)
		if diff := cmp.Diff(fixed(r), back); err != nil || diff != "" {
			t.Errorf("%s does not survive: %v\n%s", name, err, diff)
		}
	}
	if p := Check(New(odd), odd); len(p) > 0 {
		t.Errorf("odd: %v", p)
	}
}

func TestTokens(t *testing.T) {
	a, b := New(options()), New(options())
	seen := map[string]bool{}
	for _, token := range []string{a.ASToken, a.HSToken, b.ASToken, b.HSToken, NewDoublePuppet(options()).ASToken} {
		if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(token) || seen[token] {
			t.Errorf("token %q", token)
		}
		seen[token] = true
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "registration.yaml")
	first, second := New(options()), New(options())
	if err := Write(path, first, false); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, second, false); !errors.Is(err, ErrExists) {
		t.Errorf("the second time: %v", err)
	}
	if got, err := Read(path); err != nil || got.ASToken != first.ASToken {
		t.Errorf("the refused write changed the file: %v", err)
	}
	if info, _ := os.Stat(path); info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, second, true); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(path); err != nil || got.ASToken != second.ASToken {
		t.Errorf("force did not replace: %v", err)
	}
	if info, _ := os.Stat(path); info.Mode() != 0o640 {
		t.Errorf("a replaced file lost its mode: %v", info.Mode())
	}
	if err := Write(filepath.Join(dir, "none", "x.yaml"), first, false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	if Write(filepath.Join(dir, "d"), first, true) == nil {
		t.Error("a folder was replaced")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestReadErrors(t *testing.T) {
	good, err := fixed(New(options())).YAML()
	if err != nil {
		t.Fatal(err)
	}
	replace := func(a, b string) string {
		if !strings.Contains(string(good), a) {
			t.Fatalf("%q is not in the file", a)
		}
		return strings.Replace(string(good), a, b, 1)
	}
	token := strings.Repeat("0123456789abcdef", 4)
	for _, one := range []struct{ name, content, want string }{
		{"empty", "", "r.yaml:1: this is no registration: it needs the keys id, url, as_token, hs_token, sender_localpart, namespaces"},
		{"list", "- id", "r.yaml:1: this is no registration: it needs the keys id, url, as_token, hs_token, sender_localpart, namespaces"},
		{"syntax", replace("id: ", "id: \""), "r.yaml:3: this is not YAML: found unknown escape character"},
		{"missing", replace("hs_token", "hs_tocken"), "r.yaml:3: the key hs_token is missing; make the file again with: causeway registration update"},
		{"list token", replace("as_token: ", "as_token: ["+token+"] #"), "r.yaml:5: as_token must be text"},
		{"null token", replace("as_token: ", "as_token: #"), "r.yaml:5: as_token must be text"},
		{"bool", replace("rate_limited: false", "rate_limited: "+token), "r.yaml:8: a value of the wrong type stands here; make the file again with: causeway registration update"},
		{"twice", replace("rate_limited: false", "id: x"), "r.yaml:8: mapping key \"id\" already defined at line 3"},
		{"namespaces", replace("  users:\n", "  users: x\n  foo:\n"), "r.yaml:10: a value of the wrong type stands here; make the file again with: causeway registration update"},
		{"alias", replace("rooms: []", "rooms: *x"), "r.yaml:1: this is not YAML: unknown anchor 'x' referenced"},
		{"cycle", replace("rooms: []", "rooms: &x [*x]"), "r.yaml:18: anchors and aliases are not used here: write the value out"},
	} {
		t.Run(one.name, func(t *testing.T) {
			_, err := Parse("r.yaml", []byte(one.content))
			if fmt.Sprint(err) != one.want {
				t.Errorf("\n got %v\nwant %s", err, one.want)
			}
			if strings.Contains(fmt.Sprint(err), token) {
				t.Error("a token is in the error")
			}
		})
	}
	if _, err := Read("nowhere.yaml"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "causeway registration update") {
		t.Errorf("no file: %v", err)
	}
}

// TestExtra: keys of others survive reading, keeping and writing; a null and an
// empty URL are the same.
func TestExtra(t *testing.T) {
	data := []byte("id: url\nurl: \nas_token: 1234\nhs_token: b\nsender_localpart: c\nnamespaces: {}\nio.element.msc9999: true\nx: [1, {y: z}]\n")
	r, err := Parse("r.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	want := Registration{ID: "url", ASToken: "1234", HSToken: "b", SenderLocalpart: "c",
		Extra: map[string]any{"io.element.msc9999": true, "x": []any{1, map[string]any{"y": "z"}}}}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	kept := Keep(r, New(options()))
	if kept.ID != "url" || kept.ASToken != "1234" || kept.URL != "http://localhost:29350" || len(kept.Extra) != 2 {
		t.Errorf("Keep: %+v", kept)
	}
	if got := Keep(Registration{}, kept); got.ASToken != "1234" || got.ID != "url" {
		t.Error("Keep of nothing removes tokens")
	}
	var m map[string]any
	if out, err := kept.YAML(); err != nil || yaml.Unmarshal(out, &m) != nil || m["io.element.msc9999"] != true {
		t.Errorf("not written: %v", m)
	}
	if Equal(kept, New(options())) || !Equal(kept, kept) {
		t.Error("Equal")
	}
}

// FuzzParse: nothing panics, and what was read survives being written.
func FuzzParse(f *testing.F) {
	for _, r := range []Registration{New(options()), NewDoublePuppet(options())} {
		data, err := r.YAML()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("id: &a {}\nurl: *a\n"))
	f.Add([]byte("id: a\nurl: ~\nas_token: b\nhs_token: c\nsender_localpart: d\nnamespaces: {users: [{regex: '('}]}\n? [x]\n: y\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Parse("r.yaml", data)
		if err != nil {
			if !regexp.MustCompile(`^r\.yaml:[1-9]\d*: `).MatchString(err.Error()) {
				t.Fatalf("no line: %v", err)
			}
			return
		}
		Check(r, options())
		CheckDoublePuppet(r, options())
		out, err := r.YAML()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse("r.yaml", out)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if d := Compare(r, back); len(d) > 0 {
			t.Fatalf("changed: %v\n%s", d, out)
		}
	})
}
