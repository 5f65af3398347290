package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/testbed/ircuser"
)

// witness is who sees all of a chat.
func (c *chat) witness() string {
	if c.kind == network.Direct {
		return string(c.id)
	}
	return observer
}

// of reports whether a line is a message of the chat.
func (c *chat) of(l ircuser.Line) bool {
	if l.Command != "PRIVMSG" && l.Command != "NOTICE" || len(l.Params) < 2 || !strings.Contains(l.Source, "!") {
		return false
	}
	if c.kind != network.Direct {
		return strings.EqualFold(l.Params[0], string(c.id))
	}
	// In a channel its name is the target.
	return !strings.HasPrefix(l.Params[0], "#") && (l.Nick() == string(c.id) || causeways(l))
}

// view is what the chat's witness saw.
func (n *ircNet) view(c *chat) *view {
	all, _ := n.saw(c.witness())
	return n.read(c, all)
}

// read makes a view of lines.
func (n *ircNet) read(c *chat, all []ircuser.Line) *view {
	v := newView()
	last := "" // token of Causeway's line before this one
	for _, l := range all {
		if !c.of(l) {
			continue
		}
		_, id := l.GetTag("msgid")
		if !causeways(l) {
			v.ids[id], last = tokenOf(l.Params[1]), ""
			continue
		}
		text, ok := c.spoken(l)
		if !ok {
			v.strange = append(v.strange, "a line that is not as expected: "+l.Nick()+": "+l.Params[1])
			continue
		}
		token := tokenOf(text)
		if token == "" {
			token = last // the end of a text may be too short for it
		}
		if last = token; token == "" {
			v.strange = append(v.strange, "a line without a name: "+text)
			continue
		}
		_, reply := l.GetTag("+draft/reply")
		v.add(token, id, reply, n.piece(text))
	}
	return v
}

// spoken is what a line of Causeway's says, without what is put before it for
// people: who is relayed, who is answered and what was said. ok is false if it is
// not by whom it should be.
func (c *chat) spoken(l ircuser.Line) (text string, ok bool) {
	text = l.Params[1]
	by := strings.TrimRight(l.Nick(), "_0123456789") // a nick that was taken for a moment
	ok = slices.Contains(c.members, network.UserID(by))
	if by == ircRelay {
		var relayed bool
		text, relayed = strings.CutPrefix(text, "<eve> ")
		ok = ok && relayed
	}
	return bareIRC(text), ok
}

// bareIRC is a text without whom it answers and what was said, which Causeway puts
// before it. Everything that is said begins with a token, which has a digit.
func bareIRC(text string) string {
	return regexp.MustCompile(`^(?:[a-z_]+: )?(?:\(“[^”]*”\) )?`).ReplaceAllString(text, "")
}

func (n *ircNet) bare(text string) string { return bareIRC(strings.TrimPrefix(text, "<eve> ")) }

// piece is what a line shows: its text, or the file that it leads to.
func (n *ircNet) piece(text string) piece {
	file := regexp.MustCompile(`^(?:sent )?\S+\.bin \([^)]*\): (http\S+)$`).FindStringSubmatch(text)
	if file == nil {
		return piece{text: squeeze(text)}
	}
	return piece{hash: n.links.hash(file[1])}
}

// lines are for people.
func (n *ircNet) lines(c *chat) []string {
	var all []string
	seen, _ := n.saw(c.witness())
	for _, l := range seen {
		if c.of(l) || l.Command == "JOIN" || l.Command == "QUIT" || l.Command == "PART" || l.Command == "NICK" {
			raw, _ := l.Line() // one that cannot be written says nothing either
			all = append(all, fmt.Sprintf("%.400s", strings.TrimSpace(raw)))
		}
	}
	return all
}

// links are what people got who followed links to files, as hashes.
type links struct {
	mu    sync.Mutex // guards files
	files map[string]string
}

// hash follows a link; "" if it leads nowhere now.
func (k *links) hash(url string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.files[url] != "" {
		return k.files[url]
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return ""
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "" // Causeway is away
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	k.files[url] = hashOf(data)
	return k.files[url]
}
