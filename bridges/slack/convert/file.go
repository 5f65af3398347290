package convert

import (
	"encoding/json"
	"fmt"
)

// A FileRef is what network.Media.Ref holds of a file of Slack: what is needed to
// fetch it.
type FileRef struct {
	ID string `json:"id,omitempty"`
	// URL is where its bytes are; empty if files.info has to be asked first.
	URL string `json:"url,omitempty"`
	// Public: URL is somebody's own server, to be asked without credentials and
	// with the care that addresses of strangers need.
	Public bool `json:"public,omitempty"`
}

// ParseFileRef reads a Ref again.
func ParseFileRef(ref []byte) (FileRef, error) {
	var r FileRef
	if err := json.Unmarshal(ref, &r); err != nil {
		return FileRef{}, fmt.Errorf("file reference: %w", err)
	}
	return r, nil
}

// Unchecked lists the files of which the message holds nothing but the ID (those
// of Slack Connect): ask files.info for them and give the answers to SetFile
// before Content.
func (m *Message) Unchecked() []string {
	var ids []string
	for _, f := range m.files {
		if f.str("file_access") == "check_file_info" && f.str("id") != "" {
			ids = append(ids, f.str("id"))
		}
	}
	return ids
}

// SetFile fills in a file from the "file" object of files.info. It fails only if
// raw is no JSON object.
func (m *Message) SetFile(id string, raw []byte) error {
	o, err := decode(raw)
	if err != nil {
		return fmt.Errorf("file %s: %w", id, err)
	}
	for i, f := range m.files {
		if f.str("id") == id {
			m.files[i] = o
		}
	}
	return nil
}
