package bridge

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/registration"
	"github.com/causeway-chat/causeway/testbed/child"
)

// Options say what the configuration holds. All but Networks are required.
type Options struct {
	Dir        string // made if missing
	Homeserver string // its base URL, which may come to life later
	Domain     string
	Admin      string // Matrix ID
	Networks   []Network
	Database   string // default: an SQLite file in the folder
	URL        string // where the homeserver reaches Causeway; default: where it listens
	Encryption string // mode; default: off
}

// A Network is one section of the configuration.
type Network struct {
	ID      string // "irc.demo"
	Section string // what it holds, as YAML in braces
}

// A Folder is what "causeway init" leaves behind.
type Folder struct {
	Dir           string
	Config        string   // path of the configuration
	Registrations []string // paths, for the homeserver
	Bot           string   // Matrix ID
	Listen        string   // address for the homeserver
	Public        string   // base URL of the links that everybody can open
}

// content is the configuration: what "causeway init" writes, and a public
// address for links.
const content = `homeserver:
  url: {{.Homeserver}}
  domain: {{.Domain}}
appservice:
  listen: {{.Listen}}
  url: {{.URL}}
  double_puppet: double-puppet.yaml
public:
  listen: {{.Public}}
  url: http://{{.Public}}
metrics:
  listen: ""
database: {{.Database}}
{{- if .Encryption}}
encryption: {mode: {{.Encryption}}}
{{- end}}
key_file: causeway.key
permissions:
  "{{.Admin}}": admin
  {{.Domain}}: user
  "*": relay
networks:
{{- range .Networks}}
  {{.ID}}: {{.Section}}
{{- end}}
`

// Write makes the folder, with fresh secrets and free ports.
func Write(o Options) (*Folder, error) {
	listen, err := child.FreeAddr()
	if err != nil {
		return nil, err
	}
	public, err := child.FreeAddr()
	if err != nil {
		return nil, err
	}
	if o.Database == "" {
		o.Database = "sqlite:causeway.db"
	}
	if o.URL == "" {
		o.URL = "http://" + listen
	}
	var text bytes.Buffer
	err = template.Must(template.New("configuration").Parse(content)).Execute(&text, struct {
		Options
		Listen, Public string
	}{o, listen, public})
	if err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	in := func(name string) string { return filepath.Join(o.Dir, name) }
	var key config.Key
	rand.Read(key[:]) // never fails
	if err := registration.WriteFile(in("causeway.key"), []byte(hex.EncodeToString(key[:])), false); err != nil {
		return nil, err
	}
	as := config.Defaults()
	r := registration.Options{URL: o.URL, Domain: o.Domain, Prefix: as.Appservice.Prefix, Bot: as.Bot.Name}
	if err := registration.Write(in("registration.yaml"), registration.New(r), false); err != nil {
		return nil, err
	}
	if err := registration.Write(in("double-puppet.yaml"), registration.NewDoublePuppet(r), false); err != nil {
		return nil, err
	}
	if err := registration.WriteFile(in("causeway.yaml"), text.Bytes(), false); err != nil {
		return nil, err
	}
	return &Folder{
		Dir: o.Dir, Config: in("causeway.yaml"), Registrations: []string{in("registration.yaml"), in("double-puppet.yaml")},
		Bot: "@" + as.Bot.Name + ":" + o.Domain, Listen: listen, Public: "http://" + public,
	}, nil
}

// Twin is a folder beside another one, for a second Causeway with the same
// database, which listens on other ports.
func (f *Folder) Twin(dir string) (*Folder, error) {
	listen, err := child.FreeAddr()
	if err != nil {
		return nil, err
	}
	public, err := child.FreeAddr()
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(dir, os.DirFS(f.Dir)); err != nil {
		return nil, fmt.Errorf("copy configuration: %w", err)
	}
	t := *f
	t.Dir, t.Config, t.Listen, t.Public = dir, filepath.Join(dir, filepath.Base(f.Config)), listen, "http://"+public
	text, err := os.ReadFile(t.Config)
	if err != nil {
		return nil, err
	}
	text = bytes.ReplaceAll(text, []byte("listen: "+f.Listen), []byte("listen: "+listen))
	text = bytes.ReplaceAll(text, []byte(strings.TrimPrefix(f.Public, "http://")), []byte(public))
	return &t, registration.WriteFile(t.Config, text, true)
}
