package irc

import (
	"maps"
	"slices"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"
)

// The capabilities that more than one place asks about.
const (
	capTags      = "message-tags"
	capEcho      = "echo-message"
	capLabels    = "labeled-response"
	capBatch     = "batch"
	capHistory   = "draft/chathistory"
	capMultiline = "draft/multiline"
	capRedact    = "draft/message-redaction"
)

// wanted reports whether we use a capability.
func wanted(name string) bool {
	switch name {
	case capTags, capEcho, capLabels, capBatch, capHistory, capMultiline, capRedact,
		"server-time", "multi-prefix", "account-tag", "account-notify", "extended-join", "away-notify",
		"chghost", "setname", "invite-notify", "cap-notify", "userhost-in-names", "standard-replies":
		return true
	}
	return false
}

// caps are the capabilities of a connection, with their values.
type caps struct {
	offered map[string]string
	on      map[string]bool
}

func newCaps() caps { return caps{offered: map[string]string{}, on: map[string]bool{}} }

// take reads a line of CAP LS or CAP NEW and reports whether it was the last.
func (c *caps) take(m *ircmsg.Message) (last bool) {
	list := m.Params[len(m.Params)-1]
	for _, token := range strings.Fields(list) {
		name, value, _ := strings.Cut(token, "=")
		c.offered[name] = value
	}
	return len(m.Params) < 4 || m.Params[2] != "*"
}

// request lists what to ask for, in parameters that fit into a line.
func (c *caps) request(also ...string) []string {
	var lines []string
	cur := ""
	for _, name := range slices.Sorted(maps.Keys(c.offered)) {
		if c.on[name] || !wanted(name) && !slices.Contains(also, name) {
			continue
		}
		if cur != "" && len(cur)+len(name) > 400 {
			lines, cur = append(lines, cur), ""
		}
		cur = strings.TrimSpace(cur + " " + name)
	}
	if cur != "" {
		lines = append(lines, cur)
	}
	return lines
}

// set marks what an ACK names.
func (c *caps) set(list string) {
	for _, name := range strings.Fields(list) {
		if off, ok := strings.CutPrefix(name, "-"); ok {
			delete(c.on, off)
		} else {
			c.on[name] = true
		}
	}
}

// del forgets what CAP DEL names.
func (c *caps) del(list string) {
	for _, name := range strings.Fields(list) {
		delete(c.on, name)
		delete(c.offered, name)
	}
}

// labels reports whether echoes carry our label.
func (c *caps) labels() bool { return c.on[capLabels] && c.on[capEcho] && c.on[capBatch] }

// multiline are the limits of a multi-line message, 0 if there are none such.
func (c *caps) multiline() (lines, bytes int) {
	if !c.on[capMultiline] || !c.on[capBatch] {
		return 0, 0
	}
	lines = 1 << 20
	for _, one := range strings.Split(c.offered[capMultiline], ",") {
		key, value, _ := strings.Cut(one, "=")
		switch key {
		case "max-bytes":
			number(&bytes, value)
		case "max-lines":
			number(&lines, value)
		}
	}
	if bytes == 0 { // the value is required; without it nothing is sure
		return 0, 0
	}
	return lines, bytes
}

// mechanisms are the SASL mechanisms, nil if the server does not have SASL, and
// any if it does not say which.
func (c *caps) mechanisms() (list []string, any bool) {
	value, ok := c.offered["sasl"]
	if !ok {
		return nil, false
	}
	if value == "" {
		return nil, true
	}
	return strings.Split(strings.ToUpper(value), ","), false
}
