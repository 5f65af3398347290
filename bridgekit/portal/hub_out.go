package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// withheld reports whether an event does not leave through this portal: the policy of
// its edge says so, or its sender is on the hub's ban list or of a bridge that is
// ignored.
func (o *outbound) withheld(ctx context.Context) (bool, error) {
	if !o.policy(o.p).Hears() {
		return true, nil
	}
	sender, n, user := o.evt.Sender, network.NetworkID(""), network.UserID("")
	if o.from != nil {
		n, user = o.from.Network, o.from.User
	} else if manner, _ := o.opts.Hub.Bridges.Of(string(sender)); manner == hub.Ignore {
		return true, nil
	}
	if o.evt.Type == event.EventRedaction.Type || o.evt.StateKey != nil {
		return false, nil // what is removed is removed everywhere
	}
	if several, err := o.portals.several(ctx, o.p.Room); err != nil || !several {
		return false, err
	}
	return o.bans.fits(ctx, o.e.ID, o.p.Room, string(sender), n, user)
}

// speaker is the Matrix account whose own login may carry the event; "" if it is
// nobody's.
func (o *outbound) speaker() id.UserID {
	switch {
	case o.from == nil:
		return o.evt.Sender
	case o.from.Owner != "":
		return o.from.Owner
	case !o.hs.IsGhost(o.evt.Sender):
		return o.evt.Sender // by double puppeting
	}
	return ""
}

// identity is the sender as a network shows them that does not know them.
func (o *outbound) identity(ctx context.Context) hub.Identity {
	name, on := "", ""
	if o.from != nil {
		name, on = o.from.Name, o.networkName(o.from.Network)
	} else {
		name = o.displayName(ctx, o.evt.Sender)
	}
	return o.shown(ctx, o.evt.Sender, o.speaker(), name, on)
}

// identityOf is identity for anybody in the room, or who was.
func (o *outbound) identityOf(ctx context.Context, who id.UserID) hub.Identity {
	if who == o.evt.Sender {
		return o.identity(ctx)
	}
	owner, on := who, ""
	if n, user, ok := o.hs.ParseGhost(who); ok {
		owner, on = "", o.networkName(network.NetworkID(n))
		if own := o.logins.ByUser(network.NetworkID(n), network.UserID(user)); own != nil {
			owner = id.UserID(own.Owner)
		}
	}
	return o.shown(ctx, who, owner, o.displayName(ctx, who), on)
}

// shown is somebody under a name that nobody else in the room has, as far as is known: where
// that is not, their Matrix ID stands behind it. owner is the Matrix
// account of a person who has several.
func (o *outbound) shown(ctx context.Context, who, owner id.UserID, name, on string) hub.Identity {
	room := o.evt.Room
	err := o.faces.load(ctx, o.Service, room)
	if err != nil {
		o.log.Warn("read the names of a room's people", "entry", o.e.ID, "err", err)
	}
	return hub.Show(name, string(who), on, func(look string) bool {
		return err != nil || o.faces.taken(room, look, func(u id.UserID) bool { return u == who || o.isOf(u, owner) })
	})
}

// isOf reports whether an account in the room is somebody's, or one that speaks for them.
func (o *outbound) isOf(u, owner id.UserID) bool {
	if u == owner {
		return true
	}
	n, user, ok := o.hs.ParseGhost(u)
	if !ok {
		return false
	}
	own := o.logins.ByUser(network.NetworkID(n), network.UserID(user))
	return own != nil && (own.Owner == "" || own.Owner == string(owner))
}

// persona is whom a relay speaks for; nil if the sender speaks for themselves.
func (o *outbound) persona(ctx context.Context) *network.Persona {
	if !o.relay {
		return nil
	}
	who := o.identity(ctx)
	_, bridged := o.opts.Hub.Bridges.Of(who.MXID)
	return &network.Persona{MXID: who.MXID, Name: who.Name, Avatar: o.picture(ctx), Network: who.Network, Bridged: bridged || o.from != nil}
}

// prefix puts a relayed person's name before their text.
func (o *outbound) prefix(p *network.Part, who *network.Persona) {
	one := hub.Identity{Name: who.Name, MXID: who.MXID, Network: who.Network}
	format, ok := o.opts.Hub.Formats[o.p.Network]
	if !ok {
		format = o.opts.Hub.Format
	}
	head := format.Expand(one)
	if p.Style == network.Emote {
		head, p.Style = markup.Plain("* "+one.Name+" "), network.Normal
	}
	p.Text = append(head, p.Text...)
}

// asLink replaces a file by a link to it, where the edge wants that.
func (o *outbound) asLink(ctx context.Context, p *network.Part) error {
	if p.Media == nil || !o.policy(o.p).Links() {
		return nil
	}
	url, _, err := p.Media.Source.Link(ctx)
	if errors.Is(err, network.ErrNotPublic) {
		return network.Errorf(network.Rejected, "files go there as links, and Causeway has no public address", "link: %w", err)
	}
	if err != nil {
		return err
	}
	name := hub.Clean(p.Media.Name)
	if name == "" {
		name = string(p.Media.Kind)
	}
	link := markup.Body{{Kind: markup.Text, Text: name + ": "}, {Kind: markup.Link, URL: url, Children: markup.Plain(url)}}
	if len(p.Text) > 0 {
		link = append(append(p.Text, markup.Node{Kind: markup.Text, Text: "\n"}), link...)
	}
	p.Media, p.Text = nil, link
	return nil
}

// line sends a text of Causeway's own making about the sender, once. It answers
// reply, if that is not nil.
func (o *outbound) line(ctx context.Context, text markup.Body, reply *network.Ref) journal.Outcome {
	content := network.Rich(text)
	content.Parts[0].Style = network.Notice
	content.Reply = reply
	m := o.outgoing(content)
	sent, done, err := o.before(ctx, &m)
	if err == nil && !done {
		sent, err = o.ops.Send(ctx, m)
	}
	if err != nil {
		return o.failed(ctx, err)
	}
	return o.mapped(o.rows(m, sent))
}

// relayedReaction adds the reaction of somebody for whom the relay speaks, as the
// edge wants it.
func (o *outbound) relayedReaction(ctx context.Context, ref network.Ref, emoji string) journal.Outcome {
	switch o.policy(o.p).ReactionsAs() {
	case hub.TextReactions:
		return o.reactionLine(ctx, ref, emoji)
	case hub.RelayReactions:
		if o.ops.React == nil {
			return o.reactionLine(ctx, ref, emoji)
		}
		return o.sharedReaction(ctx, ref, emoji)
	case hub.ThreadReactions:
		if !o.editsLines() {
			return o.reactionLine(ctx, ref, emoji)
		}
		return o.threadReaction(ctx, ref, emoji)
	}
	return journal.Delivered(nil) // it would look like the relay's own
}

// sharedReaction has the relay react for all who do: once, however many they are.
func (o *outbound) sharedReaction(ctx context.Context, ref network.Ref, emoji string) journal.Outcome {
	r := store.Reaction{Portal: o.p.ID, Target: ref.ID, Sender: string(o.evt.Sender), Emoji: emoji, Event: string(o.evt.ID)}
	what := reactionEcho(ref.ID, emoji, false)
	stands, err := o.sharedBy(ctx, r)
	if err != nil {
		return dbOutcome(err)
	}
	if !stands {
		err := o.ops.React(ctx, network.OutgoingReaction{Txn: o.txnID(), Chat: o.p.Chat.ID, Target: ref, Key: emoji, Persona: o.persona(ctx)})
		if errors.Is(err, errors.ErrUnsupported) {
			return o.reactionLine(ctx, ref, emoji)
		}
		if err != nil {
			return o.unanswered(ctx, err, what)
		}
		o.sends.expect(o.p.ID, what)
	}
	return o.record(ctx, what, func(tx *store.Tx) error { return tx.AddReaction(r) })
}

// sharedBy reports whether the relay's reaction stands for somebody else too: for
// another person, or for whose account it is.
func (o *outbound) sharedBy(ctx context.Context, r store.Reaction) (bool, error) {
	own := ""
	if relay := o.logins.Get(o.p.Network, o.p.Relay); relay != nil {
		own = string(relay.User())
	}
	all, err := o.db.ReactionsOn(ctx, o.p.ID, r.Target)
	for _, one := range all {
		if one.Emoji == r.Emoji && one.Sender != r.Sender && (isShared(one) || one.Sender == own) {
			return true, err
		}
	}
	return false, err
}

// isShared reports whether a reaction on the network is the relay's, for somebody of
// Matrix.
func isShared(r store.Reaction) bool {
	return strings.HasPrefix(r.Sender, "@") && strings.Contains(r.Sender, ":")
}

// unshare removes somebody's part in the relay's reaction, and the reaction with the
// last one.
func (o *outbound) unshare(ctx context.Context, r store.Reaction) journal.Outcome {
	gone := func(tx *store.Tx) error { return tx.DeleteReaction(r) }
	what := reactionEcho(r.Target, r.Emoji, true)
	stands, err := o.sharedBy(ctx, r)
	if err != nil {
		return dbOutcome(err)
	}
	relay := o.logins.Get(o.p.Network, o.p.Relay)
	line, err := o.db.ReactionLine(ctx, o.p.ID, r.Target)
	if err != nil {
		return dbOutcome(err)
	}
	if relay == nil || stands && line == "" {
		return o.record(ctx, what, gone)
	}
	ops, ok := relay.Ops()
	if !ok || !relay.Online() {
		return journal.Park(relay.Cause(), func() bool { return !relay.Online() }, nil)
	}
	if !stands && ops.React != nil {
		err = ops.React(ctx, network.OutgoingReaction{Txn: o.txnID(), Chat: o.p.Chat.ID, Target: network.Whole(r.Target), Key: r.Emoji, Remove: true})
		refused := line != "" && network.KindOf(err) == network.Rejected // it was never there: the line said it
		if err != nil && !refused {
			return o.unanswered(ctx, err, what)
		}
		o.sends.expect(o.p.ID, what)
		o.opts.Steps.At(step.OutChanged)
	}
	if line == "" {
		return o.record(ctx, what, gone)
	}
	rest, err := o.reactors(ctx, r)
	if err != nil {
		return dbOutcome(err)
	}
	o.sess, o.ops, o.relay = relay, ops, true // a line is the relay's, whoever takes their reaction back
	return o.follow(ctx, network.Whole(r.Target), append(slices.Clone(rest), r), rest, what, gone)
}

// comesOrGoes tells a network, where its edge wants that, who has joined or left the
// room or another network of it.
func (o *outbound) comesOrGoes(ctx context.Context) journal.Outcome {
	verb, ok := o.moved()
	if !ok || !o.policy(o.p).ShowsJoins() || o.sess == nil {
		return journal.Delivered(nil)
	}
	who := o.identity(ctx)
	text := who.Name + " " + verb
	if who.Network != "" {
		text += " on " + who.Network
	}
	return o.line(ctx, markup.Plain(text), nil)
}

// moved says what somebody did; false if they neither came nor went, such as by a
// change of their name.
func (o *outbound) moved() (string, bool) {
	var now struct {
		Membership event.Membership `json:"membership"`
	}
	if json.Unmarshal(o.evt.Content, &now) != nil {
		return "", false
	}
	var before struct {
		Unsigned struct {
			Content struct {
				Membership event.Membership `json:"membership"`
			} `json:"prev_content"`
		} `json:"unsigned"`
	}
	_ = json.Unmarshal(o.e.Payload, &before) // without it nothing was before
	was := before.Unsigned.Content.Membership
	switch now.Membership {
	case event.MembershipJoin:
		return "joined", was != event.MembershipJoin
	case event.MembershipLeave, event.MembershipBan:
		return "left", o.from != nil || was == event.MembershipJoin
	}
	return "", false
}

// crossComing is crossMember for a change, not for a list of who is there.
func (x *inbound) crossComing(ctx context.Context, c *network.MemberChange, m network.Member) error {
	if c.Full {
		return nil
	}
	return x.crossMember(ctx, m)
}

// crossMember tells the room's other networks who came or went on this one.
func (x *inbound) crossMember(ctx context.Context, m network.Member) error {
	var to []store.Portal
	others, err := x.crossTo(ctx, m.User)
	if err != nil {
		return err
	}
	for _, p := range others {
		if x.policy(p).ShowsJoins() {
			to = append(to, p)
		}
	}
	membership := event.MembershipLeave
	if m.Membership == network.Joined {
		membership = event.MembershipJoin
	}
	if len(to) == 0 || m.Membership == network.Invited {
		return nil
	}
	ghost := x.hs.GhostID(string(x.p.Network), string(m.User))
	key := string(ghost)
	content, err := json.Marshal(map[string]any{"membership": membership})
	if err != nil {
		return err
	}
	e := &rawEvent{ID: id.EventID(fmt.Sprintf("member %x %s", x.e.Key, m.User)), Room: roomID(x.p), Sender: ghost, StateKey: &key, Type: event.StateMember.Type, TS: x.e.Created.UnixMilli(), Content: content}
	from := x.origin(ghost, m.User)
	if m.Name != "" {
		from.Name = m.Name
	}
	return x.copy(ctx, e, from, to)
}
