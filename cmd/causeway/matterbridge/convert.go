package matterbridge

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A conversion is one call of Convert.
type conversion struct {
	file      string
	doc       *document
	nets      []*net
	byAccount map[string]*net   // by matterbridge's name in lower case
	plumbed   map[string]string // network and channel: the gateway it is in
	secrets   []string          // files to write, with what is in each
	rooms     []string          // lines about rooms
	left      []leftover
}

// A leftover is something that is not carried over. Those of a key have a line.
type leftover struct {
	line  int
	words string
}

func (c *conversion) lost(format string, args ...any) {
	c.left = append(c.left, leftover{0, fmt.Sprintf(format, args...)})
}

func (c *conversion) room(format string, args ...any) {
	c.rooms = append(c.rooms, fmt.Sprintf(format, args...))
}

// Convert turns data, the content of file, into words for whoever sets Causeway up: the
// networks of causeway.yaml, and as comments of YAML everything else, so that the whole
// can be added to that file. The error is config.Problems: what cannot be read, with its
// line. The command import calls it; it keeps nothing.
func Convert(file string, data []byte) ([]byte, error) {
	doc, keys, err := read(file, data)
	if err != nil {
		return nil, err
	}
	c := &conversion{file: file, doc: doc, byAccount: map[string]*net{}, plumbed: map[string]string{}}
	c.networks()
	c.gateways()
	c.unread(keys)
	if len(doc.Matrix) > 0 {
		c.lost("The account of [matrix] is not needed: Causeway's bot and its people come by the registration (causeway init)")
	}
	slices.SortStableFunc(c.left, func(a, b leftover) int { return cmp.Compare(a.line, b.line) })
	return c.write()
}

func (c *conversion) write() ([]byte, error) {
	var b bytes.Buffer
	say := func(format string, args ...any) {
		b.WriteString("# " + oneLine(fmt.Sprintf(format, args...)) + "\n")
	}
	say("From %s. Nothing was changed. What has no # before it goes into causeway.yaml,", c.file)
	say("which \"causeway init\" writes; the rest is for you to do.")
	b.WriteString("\n")
	if len(c.nets) == 0 {
		say("It has no networks that Causeway can bridge: IRC or Slack.")
	} else {
		b.WriteString("networks:\n")
	}
	consent := false
	for _, n := range c.nets {
		if err := n.write(&b); err != nil {
			return nil, err
		}
		consent = consent || len(n.meets) > 0
	}
	if consent {
		b.WriteString("\n")
		say("IRC networks forbid that their users are carried to another channel or network of")
		say("IRC. Ask the operators; where all have agreed, take the # before hub_with away.")
		say("Without it Causeway refuses to bridge the second one (docs/hub-rooms.md).")
	}
	if len(c.secrets) > 0 {
		b.WriteString("\n")
		say("Files beside causeway.yaml, for you alone (chmod 600), with one secret in each:")
		for _, one := range c.secrets {
			say("  %s", one)
		}
	}
	c.writeRooms(say, &b)
	if len(c.left) > 0 {
		b.WriteString("\n")
		say("Not as it was:")
		for _, one := range c.left {
			if one.line > 0 {
				say("  %s:%d: %s.", c.file, one.line, one.words)
			} else {
				say("  %s.", one.words)
			}
		}
	}
	return b.Bytes(), nil
}

func (c *conversion) writeRooms(say func(string, ...any), b *bytes.Buffer) {
	if len(c.rooms) == 0 {
		return
	}
	b.WriteString("\n")
	say("Rooms. Stop matterbridge first, and remove its account from them: else everything is")
	say("there twice. In each, invite the bot, make it a moderator, and write what stands")
	say("below, as a moderator of the room and administrator of Causeway. plumb shows first")
	say("what it would do; \"!cw plumb confirm\" does it.")
	for _, line := range c.rooms {
		say("%s", line)
	}
}

// oneLine keeps what comes from the file inside its comment.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}
