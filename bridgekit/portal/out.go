package portal

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// stale is how old a message may get while its network is away; beyond it, its
// sender decides whether it is still worth sending.
const stale = 24 * time.Hour

// An outbound is one Out entry on its way.
type outbound struct {
	*Service
	e     *journal.Entry
	evt   *rawEvent
	from  *copied // who said it on another network; nil for people of Matrix
	p     store.Portal
	sess  *login.Session
	ops   network.Ops
	relay bool // the session speaks for somebody else

	encrypted bool // the event came encrypted
}

func (s *Service) handleOut(ctx context.Context, e *journal.Entry) journal.Outcome {
	if e.Kind == vanishKind {
		return s.handleExpired(ctx, e)
	}
	evt, from, err := parseOut(e)
	if err != nil {
		return journal.Fail(err, "the stored entry cannot be read")
	}
	p, ok, err := s.portals.get(ctx, e.Lane.Number())
	if err != nil {
		return dbOutcome(err)
	}
	if !ok || p.State != store.PortalOpen || p.Room != string(evt.Room) {
		return journal.Delivered(nil) // unbridged meanwhile
	}
	if evt.Type == event.StateTombstone.Type {
		return s.tombstone(ctx, evt, p)
	}
	if evt.StateKey != nil && evt.Type == event.StateMember.Type && id.UserID(*evt.StateKey) == s.hs.BotID() {
		return s.botMember(ctx, evt, p)
	}
	if from == nil && s.opts.Permissions.Of(string(evt.Sender)) < config.LevelRelay {
		return journal.Delivered(nil) // blocked people are not bridged, silently
	}
	if s.forgotten.before(evt.Sender, e.Created) {
		return journal.Delivered(nil)
	}
	out, sent := s.carry(ctx, e, evt, from, p)
	if from == nil {
		s.arrived.ended(e, p, evt, out, sent)
	}
	return out
}

// carry delivers an event that the portal takes, and reports whether it tried to: a
// policy may withhold it.
func (s *Service) carry(ctx context.Context, e *journal.Entry, evt *rawEvent, from *copied, p store.Portal) (journal.Outcome, bool) {
	o, out := s.outbound(ctx, e, evt, from, p)
	if out != nil {
		return *out, false
	}
	if withheld, err := o.withheld(ctx); err != nil || withheld {
		if err != nil {
			return dbOutcome(err), false
		}
		return journal.Delivered(nil), false
	}
	if out := o.choose(ctx); out != nil {
		return *out, false
	}
	if o.bannedMeanwhile(ctx) {
		o.log.Info("what somebody wrote is not relayed: they were banned from the room meanwhile", "entry", o.e.ID, "sender", o.evt.Sender)
		return journal.Delivered(nil), false
	}
	if out := o.described(ctx); out != nil {
		return *out, false
	}
	defer s.sends.begin(p.ID, o.sess.ID)()
	return o.dispatch(ctx), true
}

// outbound is the entry with its event in clear. A non-nil outcome settles it.
func (s *Service) outbound(ctx context.Context, e *journal.Entry, evt *rawEvent, from *copied, p store.Portal) (*outbound, *journal.Outcome) {
	o := &outbound{Service: s, e: e, from: from, encrypted: evt.Type == event.EventEncrypted.Type, p: p}
	if from != nil {
		o.evt = evt // as it was shown
		return o, nil
	}
	if !o.encrypted && s.opts.Encryption == config.EncryptionRequire && (evt.Type == event.EventMessage.Type || evt.Type == event.EventSticker.Type) {
		return nil, settled(journal.Fail(errors.New("not encrypted"), "this bridge takes encrypted messages only: turn on encryption in the settings of this room"))
	}
	clear, raw, out := s.clear(ctx, e, evt)
	if out != nil {
		return nil, out
	}
	if o.encrypted {
		if command, err := s.encryptedCommand(ctx, clear, raw); err != nil {
			return nil, settled(dbOutcome(err))
		} else if command {
			return nil, settled(journal.Delivered(nil))
		}
	}
	o.evt = clear
	return o, nil
}

// described sees to it that it is known what the chat can carry, and what a lost
// answer means there, before anything is sent to it. Its room may have been made while
// the network did not answer.
func (o *outbound) described(ctx context.Context) *journal.Outcome {
	if features(o.p).Once != "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askChat)
	defer cancel()
	chat, err := o.ops.Chat(ctx, o.p.Chat.ID)
	switch kind := network.KindOf(err); {
	case err == nil:
		o.p.Info.Features = chat.Features // stored with the rest by describeLate
	case kind == network.RateLimited:
		return settled(journal.RetryIn(max(network.WaitOf(err), 100*time.Millisecond), err))
	case kind == network.Rejected || kind == network.Gone:
		return nil // what is sent fails in the same way, and says so
	case !o.sess.Online():
		return settled(journal.Park(o.sess.Cause(), func() bool { return !o.sess.Online() }, err))
	default:
		return settled(journal.RetryIn(2*time.Second, err))
	}
	return nil
}

// botMember closes the portal of a room that the bot was removed from.
func (s *Service) botMember(ctx context.Context, evt *rawEvent, p store.Portal) journal.Outcome {
	var c event.MemberEventContent
	if json.Unmarshal(evt.Content, &c) != nil || c.Membership != event.MembershipLeave && c.Membership != event.MembershipBan {
		return journal.Delivered(nil)
	}
	if err := s.roomGone(ctx, p); err != nil {
		return dbOutcome(err)
	}
	return journal.Delivered(nil)
}

// choose finds who sends: the sender's own login if it is in the chat, else the
// portal's relay. A non-nil outcome settles the entry.
func (o *outbound) choose(ctx context.Context) *journal.Outcome {
	sess, err := o.ownLogin(ctx, o.p, o.speaker())
	if err != nil {
		return settled(dbOutcome(err))
	}
	if sess == nil && o.p.Relay != "" {
		o.relay = true
		if sess, err = o.relayOf(ctx, o.p); err != nil {
			return settled(dbOutcome(err))
		}
	}
	if sess == nil {
		if o.from != nil || o.evt.StateKey != nil || o.evt.Type == event.EventReaction.Type || o.evt.Type == event.EventRedaction.Type {
			return settled(journal.Delivered(nil)) // nobody expects it to cross
		}
		name := o.networkName(o.p.Network)
		return settled(journal.Fail(errors.New("no login"), fmt.Sprintf("you have no account on %s here, and this room has no relay. Sign in with: login %s", name, o.p.Network)))
	}
	o.sess = sess
	if sess.State().Status == network.Dead {
		if alone, err := o.alone(ctx, sess); err != nil {
			return settled(dbOutcome(err))
		} else if o.relay {
			return settled(journal.Fail(errors.New("relay is dead"), fmt.Sprintf("%s is signed out, through which people without an account are heard here. To choose another account: !cw set-relay", sess.Name)))
		} else if !alone {
			return settled(journal.Fail(errors.New("login is dead"), fmt.Sprintf("you are signed out of %s. Sign in again with: login %s", o.networkName(o.p.Network), o.p.Network)))
		}
	}
	if !sess.Online() {
		err := fmt.Errorf("login is %s", sess.State().Status)
		return settled(away(sess, err))
	}
	ops, ok := sess.Ops()
	if !ok {
		return settled(journal.RetryIn(time.Second, errors.New("client is not running")))
	}
	if time.Since(o.e.Created) > stale && !o.e.Tried {
		return settled(journal.Fail(errors.New("stale"), "it waited for more than a day. To send it anyway: queue retry"))
	}
	o.ops = ops
	return nil
}

// alone reports whether nobody but a login speaks in the chat, so that what waits
// for its person holds up nobody else.
func (o *outbound) alone(ctx context.Context, sess *login.Session) (bool, error) {
	if o.p.Relay != "" {
		return false, nil
	}
	in, err := o.db.LoginsIn(ctx, o.p.ID)
	return len(in) == 0 || len(in) == 1 && in[0] == sess.ID, err
}

func settled(out journal.Outcome) *journal.Outcome { return &out }

// ownLogin is a user's own session in a portal's chat; nil if there is none.
func (s *Service) ownLogin(ctx context.Context, p store.Portal, u id.UserID) (*login.Session, error) {
	if u == "" {
		return nil, nil // relays belong to nobody
	}
	if p.Chat.Login != "" {
		sess := s.logins.Get(p.Network, p.Chat.Login)
		if sess != nil && sess.Owner == string(u) {
			return sess, nil
		}
		return nil, nil
	}
	var mine []*login.Session
	for _, sess := range s.logins.Of(string(u)) {
		if sess.Network == p.Network {
			mine = append(mine, sess)
		}
	}
	if len(mine) == 0 {
		return nil, nil
	}
	if k := (loginChat{p.Network, mine[0].ID, p.ID}); s.portals.known(k) {
		return mine[0], nil
	}
	in, err := s.db.LoginsIn(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	for _, sess := range mine {
		if slices.Contains(in, sess.ID) {
			s.portals.learn(loginChat{p.Network, sess.ID, p.ID})
			return sess, nil
		}
	}
	return nil, nil
}

func (o *outbound) dispatch(ctx context.Context) journal.Outcome {
	switch o.evt.Type {
	case event.EventMessage.Type, event.EventSticker.Type:
		if target := replaces(o.evt); target != "" {
			return o.edit(ctx, target)
		}
		return o.message(ctx)
	case event.EventRedaction.Type:
		return o.redaction(ctx)
	case event.EventReaction.Type:
		return o.reaction(ctx)
	case event.StateTopic.Type, event.StateRoomName.Type, event.StateRoomAvatar.Type, event.StateBeeperDisappearingTimer.Type:
		return o.chatChange(ctx)
	case event.StatePinnedEvents.Type:
		return o.pins(ctx)
	case event.StateMember.Type:
		return o.member(ctx)
	}
	return journal.Delivered(nil)
}

// txnID names the happening towards the network: the same for every retry. It is
// the entry's key, so that an echo can be told from a stranger's message whatever
// has become of the call.
func (o *outbound) txnID() network.TxnID { return network.TxnID(hex.EncodeToString(o.e.Key)) }

// outgoing is a message with a content. After a restore an earlier process may have
// sent what came to this one only now.
func (o *outbound) outgoing(c network.Content) network.Outgoing {
	since, at := o.e.Created, o.evt.at()
	if o.after.before(at) && at.Before(since) {
		since = at
	}
	return network.Outgoing{Txn: o.txnID(), Chat: o.p.Chat.ID, Since: since, Content: c}
}

// message sends a new message.
func (o *outbound) message(ctx context.Context) journal.Outcome {
	content, err := o.fromMatrix(ctx, o.evt.Content)
	if err == nil {
		err = o.markLate(ctx, content)
	}
	if err != nil {
		return o.failed(ctx, err)
	}
	life, err := o.lives(ctx, o.evt.Content)
	if err != nil {
		return dbOutcome(err)
	}
	if features(o.p).Expiries {
		content.Expiry = life
	}
	m := o.outgoing(*content)
	if err := checkLimits(features(o.p), content); err != nil {
		return o.failed(ctx, err)
	}
	sent, done, err := o.before(ctx, &m)
	if err != nil {
		return o.failed(ctx, err)
	}
	if !done {
		o.opts.Steps.At(step.OutCalling)
		sent, err = o.ops.Send(ctx, m)
		o.opts.Steps.At(step.OutSent)
	}
	rows := o.rows(m, sent)
	if err != nil {
		if len(rows) > 0 {
			if serr := o.keep(ctx, rows); serr != nil {
				return dbOutcome(serr)
			}
		}
		var echoes []string
		for _, p := range m.Parts[min(m.From+len(sent.Parts), len(m.Parts)):] {
			echoes = append(echoes, sentEcho(p))
		}
		return o.unanswered(ctx, err, echoes...)
	}
	if sent.Note != "" {
		o.tell(ctx, sent.Note, "note")
	}
	return o.mapped(rows, o.expires(life)...)
}

// before finds out what an earlier attempt has achieved already. It reports done
// if everything has been sent.
func (o *outbound) before(ctx context.Context, m *network.Outgoing) (sent network.Sent, done bool, err error) {
	f := features(o.p)
	doubt := o.after.doubt(o.e, o.evt.at())
	again := o.e.Recovered || o.e.Tried || doubt
	if o.e.Repeated || doubt {
		rows, err := o.messages.txn(ctx, o.p.ID, m.Txn)
		if err != nil {
			return sent, false, databaseError{err}
		}
		for _, r := range rows {
			m.From = max(m.From, r.Part+1)
		}
		if m.From >= len(m.Parts) {
			return sent, true, nil
		}
	}
	if again && o.ops.Find != nil && f.Once != network.OnceAlways && f.Once != network.OnceNever {
		found, err := o.ops.Find(ctx, *m)
		if err != nil {
			return sent, false, err
		}
		if len(found.Parts) >= len(m.Parts)-m.From {
			return found, true, nil
		}
		if len(found.Parts) > 0 {
			if err := o.keep(ctx, o.rows(*m, found)); err != nil {
				return sent, false, databaseError{err}
			}
			m.From += len(found.Parts)
		}
		if o.e.Recovered && !doubt { // what a copy holds was not left off at one place
			o.e.Fresh()
		}
		return sent, false, nil
	}
	if f.Once == network.OnceAlways {
		return sent, false, nil
	}
	if err := o.begin(ctx); err != nil {
		return sent, false, databaseError{err}
	}
	return sent, false, nil
}

// begin makes durable that a call begins of which nobody can tell later whether it was
// carried out, and tells the sender if an earlier one may have been.
func (o *outbound) begin(ctx context.Context) error {
	if o.e.MayHaveLeft() || o.after.doubt(o.e, o.evt.at()) && o.after.old(o.e) {
		o.tell(ctx, "Causeway was interrupted while it sent this; it may appear twice on "+o.networkName(o.p.Network)+".", "doubled")
	}
	return o.e.Begin(ctx)
}

// rows are the map's rows for what was sent.
func (o *outbound) rows(m network.Outgoing, sent network.Sent) []store.Message {
	var rows []store.Message
	at := sent.At
	if at.IsZero() {
		at = o.evt.at()
	}
	for i, ids := range sent.Parts {
		r := store.Message{Portal: o.p.ID, Event: string(o.evt.ID), Part: m.From + i, Login: o.sess.ID, Sender: string(o.evt.Sender), Txn: m.Txn, At: at}
		if len(ids) == 0 {
			rows = append(rows, r)
		}
		for _, remote := range ids {
			r.Remote = remote
			rows = append(rows, r)
		}
		if common := commonID(o.p, o.sess.User(), sent.At, &m.Content); common != "" {
			rows = append(rows, store.Message{Portal: o.p.ID, Event: string(o.evt.ID), Remote: common, Part: r.Part, Sender: r.Sender, At: at})
		}
	}
	return rows
}

// keep stores rows of parts that have left, before the rest is tried again.
func (o *outbound) keep(ctx context.Context, rows []store.Message) error {
	o.messages.put(rows...)
	return o.db.Write(ctx, len(rows), func(tx *store.Tx) error {
		for _, r := range rows {
			tx.AddMessage(r)
		}
		return nil
	})
}

// failed is the outcome of an error on the way out. A chat that is gone closes
// the portal.
func (o *outbound) failed(ctx context.Context, err error) journal.Outcome {
	if network.KindOf(err) == network.Gone && !o.relay {
		if lerr := o.lost(ctx, o.sess, network.UserText(err), o.p); lerr != nil {
			return dbOutcome(lerr)
		}
	}
	if o.unknowable(err) {
		return journal.Fail(err, "nobody can tell whether it arrived: "+network.UserText(err)+". Look before you send it again.")
	}
	var isRemote *network.Error
	if errors.As(err, &isRemote) {
		if kind := network.KindOf(err); (kind == network.Unavailable || kind == network.LoggedOut) && o.sess.State().Status == network.Dead {
			return journal.RetryIn(100*time.Millisecond, err).Unsure() // who speaks is chosen anew
		}
		return remoteOutcome(o.sess, err)
	}
	return o.outcome(err)
}

// unknowable reports whether a call failed so that nobody can tell whether it was
// carried out. A client that can look does not help where the chat says that nobody
// can: before it was connected for the first time IRC's offers everything.
func (o *outbound) unknowable(err error) bool {
	once := features(o.p).Once
	return network.KindOf(err) == network.Unsure && (once == network.OnceNever || once != network.OnceAlways && o.ops.Find == nil)
}

// tell answers the event with a notice. That it fails is not the message's
// failure.
func (o *outbound) tell(ctx context.Context, words, what string) {
	err := o.notify(ctx, o.p.ID, notice{Room: o.evt.Room, To: inRoom(o.evt), Text: markup.Plain(words)}, what, string(o.evt.ID))
	if err != nil {
		o.log.Warn("tell sender", "entry", o.e.ID, "err", err)
	}
}

// checkLimits refuses what the chat cannot carry before anything is transferred.
func checkLimits(f network.Features, c *network.Content) error {
	for _, p := range c.Parts {
		if p.Media == nil {
			continue
		}
		if f.MaxFile < 0 {
			return network.Errorf(network.Rejected, "this network takes no files", "no files")
		}
		if f.MaxFile > 0 && p.Media.Size > f.MaxFile {
			return network.Errorf(network.Rejected, fmt.Sprintf("the file has %s, this network takes %s", size(p.Media.Size), size(f.MaxFile)), "file too large")
		}
		if f.MIME != nil && p.Media.MIME != "" && !slices.Contains(f.MIME, p.Media.MIME) {
			return network.Errorf(network.Rejected, fmt.Sprintf("this network takes no files of type %s", p.Media.MIME), "file type not accepted")
		}
	}
	if f.ReadOnly {
		return network.Errorf(network.Rejected, "you may not write in this chat", "read-only chat")
	}
	return nil
}
