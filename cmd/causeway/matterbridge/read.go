package matterbridge

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/causeway-chat/causeway/bridgekit/config"
)

// text is a value of any simple kind: matterbridge takes "true" for true and 6697
// for "6697".
type text struct{ s string }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *text) UnmarshalText(b []byte) error {
	t.s = string(b)
	return nil
}

func (t text) yes() bool {
	v, err := strconv.ParseBool(t.s)
	return err == nil && v
}

// A document has the keys that mean something to Causeway; the decoder notes all others.
type document struct {
	IRC   map[string]account `toml:"irc"`
	Slack map[string]struct {
		Token, ShowJoinPart text
	} `toml:"slack"`
	SlackLegacy map[string]struct {
		Token, ShowJoinPart text
	} `toml:"slack-legacy"`
	Matrix map[string]struct {
		Server, Login, Password, MxID, Token text
	} `toml:"matrix"`
	Gateways []gateway `toml:"gateway"`
	Same     []struct {
		Name, Enable       text
		Channels, Accounts []text
	} `toml:"samechannelgateway"`
	// Every key of these has a reason.
	General struct{} `toml:"general"`
	Tengo   struct{} `toml:"tengo"`
}

// account is an [irc.NAME].
type account struct {
	Server, Password, Nick, UserName, RealName, Charset  text
	UseTLS, SkipTLSVerify, UseSASL, TLSClientCertificate text
	NickServNick, NickServPassword                       text
	ShowJoinPart                                         text
	RemoteNickFormat                                     text
}

// gateway is a [[gateway]].
type gateway struct {
	Name, Enable   text
	In, Out, InOut []struct {
		Account, Channel text
		Options          struct{ Key text }
	}
}

// A key is one of the file that is not carried over.
type key struct {
	path []string
	line int
}

// read decodes a file. The keys are those that document does not have and that are
// not off or empty. The error is config.Problems, and holds nothing of any value.
func read(file string, data []byte) (*document, []key, error) {
	var doc document
	dec := toml.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err := dec.Decode(&doc)
	var strict *toml.StrictMissingError
	var bad *toml.DecodeError
	switch {
	case err == nil:
		return &doc, nil, nil
	case errors.As(err, &strict):
	case errors.As(err, &bad):
		line, column := bad.Position()
		return nil, nil, config.Problems{{File: file, Line: line, Column: column, Text: inWords(bad)}}
	default:
		return nil, nil, config.Problems{{File: file, Line: 1, Column: 1, Text: "this cannot be read as a matterbridge configuration; give its TOML file"}}
	}
	all := map[string]any{}
	if err := toml.Unmarshal(data, &all); err != nil {
		return nil, nil, fmt.Errorf("read %s again: %w", file, err)
	}
	var keys []key
	for _, e := range strict.Errors {
		line, _ := e.Position()
		if !idle(all, e.Key()) {
			keys = append(keys, key{e.Key(), line})
		}
	}
	return &doc, keys, nil
}

// inWords is what is wrong with a file and what to do. The library's words have at
// most one character of a value in them.
func inWords(e *toml.DecodeError) string {
	if at := e.Key(); len(at) > 0 && strings.HasPrefix(e.Error(), "toml: cannot ") {
		return strings.Join(at, ".") + " has a value of another kind than in matterbridge; see its documentation, or take the line out"
	}
	return "this is not TOML: " + strings.TrimPrefix(e.Error(), "toml: ") +
		"; texts stand in double quotes on one line, and each key is there once. Correct the line and call it again"
}

// idle reports whether a key of an account, or of general, is off or empty, as most are
// in files made from matterbridge's sample.
func idle(all map[string]any, path []string) bool {
	var v any = all
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return false // in a gateway
		}
		v = m[p]
	}
	switch v := v.(type) {
	case map[string]any:
		return len(path) == 1 // the heading of a protocol; its accounts follow
	case []any:
		return len(v) == 0
	}
	s := fmt.Sprint(v)
	return s == "" || s == "0" || s == "false"
}
