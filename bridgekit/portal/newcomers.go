package portal

import (
	"context"
	"fmt"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// A newcomers bounds how many people a minute become themselves on the other side of
// a portal: a raid of a thousand must not leave a thousand ghosts. What the others
// say crosses too, in the words of the bot or of the relay.
type newcomers struct {
	mu      sync.Mutex // guards buckets
	buckets map[newcomerKey]bucket
}

// A newcomerKey names what is counted: those who speak on the network, those who
// enter its chat, and those who speak in Matrix.
type newcomerKey struct {
	portal int64
	what   string
}

const (
	speaksRemote = "speaks there"
	joinsRemote  = "joins there"
	speaksHere   = "speaks here"
)

// A bucket holds a minute's people and fills again within a minute.
type bucket struct {
	left float64
	at   time.Time
}

// take reports whether one more may come, of at most perMinute; 0 is no limit.
func (n *newcomers) take(k newcomerKey, perMinute int) bool {
	if perMinute == 0 {
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.buckets == nil {
		n.buckets = map[newcomerKey]bucket{}
	}
	now, most := time.Now(), float64(perMinute)
	b, ok := n.buckets[k]
	if !ok {
		makeRoom(n.buckets, maxCached)
		b = bucket{most, now}
	}
	b.left = min(most, b.left+now.Sub(b.at).Minutes()*most)
	b.at = now
	may := b.left >= 1
	if may {
		b.left--
	}
	n.buckets[k] = b
	return may
}

// flooded tells the administrators, once a day for a portal, that more people came
// than may.
func (s *Service) flooded(ctx context.Context, p store.Portal, words string) {
	name := p.Info.Name
	if name == "" {
		name = string(p.Chat.ID)
	}
	words = fmt.Sprintf("Many new people speak in %s on %s, more than %d in a minute. %s Is it a raid? The limit is limits.new_senders.", name, s.networkName(p.Network), s.opts.NewSenders, words)
	s.log.Warn("many new people", "portal", p.ID)
	if err := s.TellAdmins(ctx, fmt.Sprint("flood ", p.ID, time.Now().Unix()/(24*60*60)), words); err != nil {
		s.log.Error("tell administrators", "err", err)
	}
}

func floodFact(portal int64) string { return fmt.Sprint("flood ", portal) }

// overflows reports whether the bot says what a remote person says, because they
// would be one ghost too many in the room.
func (x *inbound) overflows(ctx context.Context, ghost id.UserID) (bool, error) {
	if x.opts.NewSenders == 0 || x.p.Room == "" || x.filling { // how much of the past there is, is somebody's choice
		return false, nil
	}
	in, err := x.hs.Joined(ctx, roomID(x.p), ghost)
	if err != nil || in || x.joins.wanted(membership{roomID(x.p), ghost}) || x.newcomers.take(newcomerKey{x.p.ID, speaksRemote}, x.opts.NewSenders) {
		return false, err
	}
	// Stored before anything is sent: who changes what was said has to know.
	if known, err := x.opts.Facts.Fact(ctx, floodFact(x.p.ID)); err != nil {
		return false, err
	} else if known == "" {
		if err := x.opts.Facts.SetFact(ctx, floodFact(x.p.ID), "1"); err != nil {
			return false, err
		}
	}
	x.flooded(ctx, x.p, "I say what the others say, with their names in front.")
	return true, nil
}

// author is sender for what changes an event: whoever sent that, as far as it was
// one of ours.
func (x *inbound) author(ctx context.Context, u network.UserID, target id.EventID) (id.UserID, error) {
	known, err := x.opts.Facts.Fact(ctx, floodFact(x.p.ID))
	if err != nil {
		return "", err
	}
	if known != "" {
		evt, err := x.hs.GetEvent(ctx, roomID(x.p), target)
		if err != nil && !harmless(err) {
			return "", err
		}
		if err == nil && x.hs.IsGhost(evt.Sender) {
			return evt.Sender, nil
		}
	}
	return x.sender(ctx, u)
}

// introduced is a content with the name of who said it in front, for the bot to say.
func (x *inbound) introduced(ctx context.Context, as id.UserID, u network.UserID, c network.Content) network.Content {
	if as != x.hs.BotID() || u == "" || len(c.Parts) == 0 {
		return c
	}
	x.spokenFor = true
	person, err := x.askPerson(ctx, x.ops(), u)
	name := hub.Clean(person.Name)
	if err != nil || name == "" {
		name = string(u)
	}
	c.Parts = append([]network.Part{}, c.Parts...)
	first := &c.Parts[0]
	intro := "<" + name + "> "
	if first.Style == network.Emote {
		first.Style, intro = network.Normal, "* "+name+" "
	}
	first.Text = append(markup.Body{{Kind: markup.Text, Text: intro}}, first.Text...)
	return c
}

// introducedAlready reports whether this is the copy of what the bot said in the room for
// somebody who was one newcomer too many there: their name is in its text.
func (o *outbound) introducedAlready() bool {
	return o.from != nil && o.evt.Sender == o.hs.BotID()
}

// stranger reports whether the sender of an event, for whom the relay speaks, is
// one newcomer too many: then the relay says it in its own name.
func (o *outbound) stranger(ctx context.Context) bool {
	who, limit := string(o.evt.Sender), o.opts.NewSenders
	key := id.UserID(fmt.Sprint("speaks ", o.p.ID, " ", who))
	if !o.relay || limit == 0 || o.names.prepared(key) {
		return false
	}
	known, err := o.db.Speaks(ctx, o.p.ID, who)
	if err != nil {
		o.log.Warn("look for a speaker", "portal", o.p.ID, "err", err)
		return false
	}
	if !known {
		if !o.newcomers.take(newcomerKey{o.p.ID, speaksHere}, limit) {
			o.flooded(ctx, o.p, "The relay says what the others say, in its own name, with theirs in front.")
			return true
		}
		if err := o.db.Spoke(ctx, o.p.ID, who); err != nil {
			o.log.Warn("store a speaker", "portal", o.p.ID, "err", err)
		}
	}
	o.names.put(key, "")
	return false
}
