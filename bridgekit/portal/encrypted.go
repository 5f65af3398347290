package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/matrix/crypt"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// A Cipher decrypts what people say in encrypted rooms; [crypt.Crypt] does. It is
// called concurrently.
type Cipher interface {
	Decrypt(ctx context.Context, raw json.RawMessage) (crypt.Decrypted, error)
	RequestKey(ctx context.Context, k *crypt.NoKey) error
	HasKey(ctx context.Context, room id.RoomID, session id.SessionID) (bool, error)
}

var _ Cipher = (*crypt.Crypt)(nil)

const (
	// keyWait is how long a lane waits for the key of its head. Then the message is
	// set aside, and is delivered when its key comes.
	keyWait = 30 * time.Second
	// keyAsk is how long after its event a key is asked for, and asked for again.
	keyAsk = 5 * time.Second
)

var errEncrypted = errors.New("the event is encrypted, and encryption is off")

// clear is an event in clear. If it cannot be had, or not yet, out settles the
// entry that holds the event.
func (s *Service) clear(ctx context.Context, e *journal.Entry, evt *rawEvent) (clear *rawEvent, raw json.RawMessage, out *journal.Outcome) {
	if evt.Type != event.EventEncrypted.Type {
		return evt, e.Payload, nil
	}
	if emptied(evt.Content) {
		return nil, nil, settled(journal.Delivered(nil))
	}
	if s.opts.Cipher == nil {
		return nil, nil, settled(journal.Fail(errEncrypted, "this room is encrypted, and this bridge is not set up for that; its administrator can change it (encryption in the configuration)"))
	}
	d, err := s.opts.Cipher.Decrypt(ctx, e.Payload)
	if err == nil {
		if clear, err = parseEvent(d.Event); err == nil {
			return clear, d.Event, nil
		}
		return nil, nil, settled(journal.Fail(err, "what this encrypted message holds is not well-formed"))
	}
	var noKey *crypt.NoKey
	var unreadable *crypt.Unreadable
	switch {
	case errors.As(err, &noKey):
		return nil, nil, settled(s.keyless(ctx, e, noKey))
	case errors.As(err, &unreadable):
		return nil, nil, settled(journal.Fail(err, unreadable.UserText()))
	}
	var ofMatrix *matrix.Error
	if errors.As(err, &ofMatrix) {
		return nil, nil, settled(s.outcome(err))
	}
	return nil, nil, settled(dbOutcome(err))
}

// emptied reports whether nothing is left of a content: its event was removed before
// the homeserver pushed it, as Synapse does with what it could not push at once.
func emptied(content json.RawMessage) bool {
	var fields map[string]json.RawMessage
	return json.Unmarshal(content, &fields) == nil && len(fields) == 0
}

// keyless is the outcome of an entry whose key is missing: it waits for the key, and
// asks for it; if it has not come in time, the entry is set aside.
func (s *Service) keyless(ctx context.Context, e *journal.Entry, k *crypt.NoKey) journal.Outcome {
	waited := time.Since(latest(e.Created, s.began))
	if waited >= keyWait || k.Withheld != "" {
		if err := s.setAside(ctx, e, k); err != nil {
			return dbOutcome(err)
		}
		return journal.Fail(k, k.UserText())
	}
	if waited >= keyAsk {
		if err := s.opts.Cipher.RequestKey(ctx, k); err != nil {
			s.log.Info("request key", "entry", e.ID, "err", err) // it may come without
		}
	}
	cause := keyCause(k.Room, k.Session)
	time.AfterFunc(min(keyAsk, keyWait-waited), func() { s.j.Wake(cause) })
	asked := context.WithoutCancel(ctx)
	return journal.Park(cause, func() bool {
		has, err := s.opts.Cipher.HasKey(asked, k.Room, k.Session)
		return err != nil || !has
	}, k)
}

// keyCause is what entries wait for whose session has no key.
func keyCause(room id.RoomID, session id.SessionID) string {
	return "key " + string(room) + " " + string(session)
}

// aside keeps which entries were set aside for want of a session's key.
func (s *Service) aside() network.KV { return s.db.KV("", asideLogin) }

// asideLogin is what stands for the login whose values they are.
const asideLogin = "set aside"

// setAside notes that an entry is to be tried again when the key of its session
// comes. Whenever it is, it comes late.
func (s *Service) setAside(ctx context.Context, e *journal.Entry, k *crypt.NoKey) error {
	s.keys.Lock()
	defer s.keys.Unlock()
	name := keyCause(k.Room, k.Session)
	waiting, err := s.waitingFor(ctx, name)
	if err != nil || slices.Contains(waiting, e.ID) {
		return err
	}
	err = s.db.Write(ctx, 1, func(tx *store.Tx) error { return journal.Remember(tx, e.Lane, lateKey(e)) })
	if err != nil {
		return err
	}
	list, err := json.Marshal(append(waiting, e.ID))
	if err != nil {
		return err
	}
	return s.aside().Set(ctx, name, list)
}

// lateKey is remembered of an entry that was set aside. Its own key stays when it is
// tried again.
func lateKey(e *journal.Entry) []byte { return journal.Key("late", string(e.Key)) }

// waitingFor are the entries that were set aside for a session.
func (s *Service) waitingFor(ctx context.Context, name string) (entries []int64, err error) {
	list, err := s.aside().Get(ctx, name)
	if err == nil && len(list) > 0 {
		err = json.Unmarshal(list, &entries)
	}
	if err != nil {
		return nil, fmt.Errorf("entries without a key: %w", err)
	}
	return entries, nil
}

// KeyCame has what waits for a session's key tried again, also what was set aside.
// It does not wait for that.
func (s *Service) KeyCame(room id.RoomID, session id.SessionID) {
	cause := keyCause(room, session)
	s.j.Wake(cause)
	s.tasks.add(false, func(ctx context.Context) {
		if err := s.takeUp(ctx, cause); err != nil && ctx.Err() == nil {
			s.log.Error("take up messages whose key has come", "err", err)
		}
	})
}

// resumeAside takes up what was set aside and whose key came in the last moment of an
// earlier process. It is called once, when the journal runs.
func (s *Service) resumeAside(ctx context.Context) error {
	if s.opts.Cipher == nil {
		return nil
	}
	names, err := s.db.KVNames(ctx, "", asideLogin)
	if err != nil {
		return err
	}
	for _, name := range names {
		f := strings.Fields(name) // as keyCause writes it
		if len(f) != 3 {
			continue
		}
		has, err := s.opts.Cipher.HasKey(ctx, id.RoomID(f[1]), id.SessionID(f[2]))
		if err != nil {
			return err
		}
		if has {
			s.KeyCame(id.RoomID(f[1]), id.SessionID(f[2]))
		}
	}
	return nil
}

// takeUp puts what was set aside at the end of its lane.
func (s *Service) takeUp(ctx context.Context, name string) error {
	s.keys.Lock()
	defer s.keys.Unlock()
	waiting, err := s.waitingFor(ctx, name)
	if err != nil || len(waiting) == 0 {
		return err
	}
	for _, entry := range waiting {
		if err := s.j.Retry(ctx, entry); err != nil && !errors.Is(err, journal.ErrNoEntry) {
			return err
		}
	}
	return s.aside().Delete(ctx, name)
}

// encryptedCommand hands a message to the bot that turned out to be for it when it was
// decrypted. It reports whether it was one.
func (s *Service) encryptedCommand(ctx context.Context, evt *rawEvent, raw json.RawMessage) (bool, error) {
	if evt.Type != event.EventMessage.Type || replaces(evt) != "" {
		return false, nil
	}
	owner, err := s.managed(ctx, string(evt.Room))
	if err != nil || !s.opts.Addressed(s.asCommand(evt, true, owner == evt.Sender, nil)) {
		return false, err
	}
	return true, s.j.Append(ctx, s.control(evt, raw), nil)
}

// roomChanged tells of a state event that changes who gets keys, or which.
func (s *Service) roomChanged(ctx context.Context, e *rawEvent) error {
	if s.opts.RoomChanged == nil || e.StateKey == nil {
		return nil
	}
	switch e.Type {
	case event.StateEncryption.Type, event.StateHistoryVisibility.Type:
	case event.StateMember.Type:
		if s.hs.IsGhost(id.UserID(*e.StateKey)) {
			return nil // has no devices
		}
	default:
		return nil
	}
	return s.opts.RoomChanged(ctx, e.Room, event.Type{Type: e.Type, Class: event.StateEventType})
}

// invite asks somebody into a room, as the bot. Where it is encrypted they get the keys
// of what is said from now on, also before the homeserver has pushed that they were asked.
func (s *Service) invite(ctx context.Context, room id.RoomID, who id.UserID) error {
	if err := s.hs.Invite(ctx, room, s.hs.BotID(), who, ""); err != nil || s.opts.RoomChanged == nil {
		return err
	}
	return s.opts.RoomChanged(ctx, room, event.StateMember)
}

// content is what an event of the room says, in clear; nil if that cannot be had.
func (o *outbound) content(ctx context.Context, evt *event.Event) json.RawMessage {
	if evt.Type.Type != event.EventEncrypted.Type {
		return evt.Content.VeryRaw
	}
	raw, err := json.Marshal(evt)
	if err != nil || o.opts.Cipher == nil {
		return nil
	}
	d, err := o.opts.Cipher.Decrypt(ctx, raw)
	if err != nil {
		return nil // it is quoted at most
	}
	clear, err := parseEvent(d.Event)
	if err != nil {
		return nil
	}
	return clear.Content
}

// markLate says that a message comes late, because its key did. The homeserver's clock
// may be another than ours, so times do not tell.
func (o *outbound) markLate(ctx context.Context, c *network.Content) error {
	if !o.encrypted || !o.e.Tried || len(c.Parts) == 0 {
		return nil
	}
	switch late, err := o.j.Has(ctx, lateKey(o.e)); {
	case err != nil:
		return databaseError{err}
	case !late:
		return nil
	}
	note := markup.Node{Kind: markup.Text, Text: fmt.Sprintf("(late, from %s) ", o.evt.at().UTC().Format("15:04 UTC"))}
	c.Parts[0].Text = append(markup.Body{note}, c.Parts[0].Text...)
	return nil
}

// open is a file of the homeserver in clear; file is what a message says of it if it
// is encrypted.
func (o *outbound) open(ctx context.Context, uri id.ContentURI, file json.RawMessage) (io.ReadCloser, error) {
	d, err := o.hs.Download(ctx, uri)
	if err != nil || file == nil {
		if err != nil {
			return nil, err
		}
		return d.Body, nil
	}
	body, err := crypt.DecryptFile(file, d.Body)
	if err != nil {
		return nil, errors.Join(network.Errorf(network.Rejected, "this encrypted file cannot be read", "%w", err), d.Body.Close())
	}
	return body, nil
}

// textLimit is how many bytes of JSON the texts of one event in the portal's room may
// take: what is encrypted is a third longer.
func (x *inbound) textLimit(ctx context.Context) (int, error) {
	encrypted, err := x.hs.Encrypted(ctx, roomID(x.p))
	if encrypted {
		return crypt.MaxPlain - (matrix.MaxContent - maxText), err
	}
	return maxText, err
}

// encryptionState turns encryption on in a new room.
func encryptionState() *event.Event {
	key := ""
	return &event.Event{Type: event.StateEncryption, StateKey: &key, Content: event.Content{Parsed: &event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1}}}
}
