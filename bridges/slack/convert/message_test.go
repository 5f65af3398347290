package convert

import (
	"strings"
	"testing"
)

// TestParse: what is no object is refused, and what is within is read.
func TestParse(t *testing.T) {
	for _, bad := range []string{"", "null", "[]", `"x"`, "{", "7"} {
		if m, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%s is %+v", bad, m)
		}
	}
	m, err := Parse([]byte(`{"channel":"C1","subtype":"message_changed","message":{"ts":"1.000000","message":{"ts":"2.000000","message":{}}},
		"user_profile":{"display_name":"","real_name":"Ann &amp; Co","image_72":"https://a.example/72"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if m.Inner == nil || m.Inner.Channel != "C1" || m.Inner.Inner == nil || m.Inner.Inner.Inner != nil {
		t.Errorf("%+v", m.Inner)
	}
	if name, avatar := m.Profile(); name != "Ann & Co" || avatar != "https://a.example/72" {
		t.Errorf("%q %q", name, avatar)
	}
}

// TestSetFile: a file of which only the ID came is filled in, also in a forwarded
// message.
func TestSetFile(t *testing.T) {
	m, err := Parse([]byte(`{"text":"x","files":[{"id":"F1","file_access":"check_file_info"},{"id":"F2"}],
		"attachments":[{"is_share":true,"text":"said","files":[{"id":"F3","file_access":"check_file_info"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(m.Unchecked(), " "); got != "F1 F3" {
		t.Errorf("unchecked %s", got)
	}
	for _, id := range []string{"F1", "F3", "F9"} {
		if err := m.SetFile(id, []byte(`{"id":"`+id+`","name":"`+id+`.png","mimetype":"image/png","url_private":"https://files.slack.com/`+id+`"}`)); err != nil {
			t.Error(err)
		}
	}
	if err := m.SetFile("F1", []byte("x")); err == nil {
		t.Error("no error")
	}
	c := m.Content(Lookup{})
	if len(c.Parts) != 3 || len(m.Unchecked()) != 0 || c.Parts[0].Media.Name != "F1.png" || c.Parts[2].Media.Name != "F3.png" {
		t.Fatalf("%+v", c.Parts)
	}
	ref, err := ParseFileRef(c.Parts[2].Media.Ref)
	if err != nil || ref != (FileRef{ID: "F3", URL: "https://files.slack.com/F3"}) {
		t.Errorf("%+v %v", ref, err)
	}
	if _, err := ParseFileRef([]byte("x")); err == nil {
		t.Error("no error")
	}
}
