package portal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// commonPrefix begins what no network calls a message.
const commonPrefix = "said by whom and when: "

// commonID is what all logins in a shared chat can know a message by if each has its
// own IDs: who said it and when. It stands in the map beside the IDs, because who
// reads a chat may change: what one login has read is delivered to another one
// under another ID, when that is signed in again. It is "" where it is not needed
// or not known. What somebody says twice in a millisecond has the same; of a network
// that tells whole seconds the text is part of it.
func commonID(p store.Portal, sender network.UserID, at time.Time, c *network.Content) network.MessageID {
	if p.Chat.Login != "" || features(p).IDs != network.IDsPerLogin || sender == "" || at.IsZero() {
		return ""
	}
	text := ""
	if at.Nanosecond() == 0 {
		text = contentText(c)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %q", sender, at.UnixMilli(), text))
	return network.MessageID(commonPrefix + hex.EncodeToString(sum[:12]))
}

// commonChange is a commonID for what changes a message, as the journal's key; nil
// where it is not needed or not known.
func commonChange(p store.Portal, ev network.Event) []byte {
	h, what := ev.Base(), ""
	switch ev := ev.(type) {
	case *network.Edit:
		what = "edit " + contentText(&ev.Content)
	case *network.Reaction:
		what = reactionEcho("", ev.Emoji, ev.Remove)
	default:
		return nil // done twice it is done once
	}
	id := commonID(p, h.Sender, h.At, &network.Content{})
	if id == "" {
		return nil
	}
	return journal.Key("change", fmt.Sprint(p.ID), string(id), what)
}

// recognised reports whether what ev tells is known again when another login
// delivers it under other IDs.
func recognised(p store.Portal, ev network.Event) bool {
	switch ev.(type) {
	case *network.Message, *network.Edit, *network.Reaction, *network.Redaction:
		h := ev.Base()
		return commonID(p, h.Sender, h.At, &network.Content{}) != ""
	}
	return false
}

// changed settles a change that another login has delivered and that was carried out.
func (x *inbound) changed(ctx context.Context, ev network.Event) *journal.Outcome {
	if x.same = commonChange(x.p, ev); x.same == nil || x.sess == nil {
		return nil
	}
	done, err := x.fromOther(ctx, x.same, x.sess.ID)
	if err != nil {
		return settled(dbOutcome(err))
	} else if done {
		return settled(journal.Delivered(nil))
	}
	return nil
}

// remember notes that a change is carried out.
func (x *inbound) remember(tx *store.Tx) error {
	if x.same == nil || x.sess == nil {
		return nil
	}
	return rememberFrom(tx, x.e.Lane, x.same, x.sess.ID)
}

// others reports whether somebody else tells, or has told, what this login does not know.
func (x *inbound) others(ctx context.Context) (bool, error) {
	if x.p.Chat.Login != "" || features(x.p).IDs != network.IDsPerLogin {
		return false, nil
	}
	in, err := x.db.LoginsIn(ctx, x.p.ID)
	return err == nil && len(in) > 1 && in[0] != x.via(), err
}

// told settles a message of one of our logins that another one has delivered: it is
// that login's to show.
func (x *inbound) told(m *network.Message) journal.Outcome {
	if own := x.logins.ByUser(x.p.Network, m.Sender); own != nil && own.Online() {
		if wait := x.unanswered(own); wait > 0 {
			return journal.RetryIn(wait, nil) // the answer says when it was sent
		}
	}
	return journal.Delivered(nil)
}

// rememberFrom remembers a key that is common to all logins, and which of them it
// came from.
func rememberFrom(tx *store.Tx, lane journal.Lane, key []byte, from ...network.LoginID) error {
	err := journal.Remember(tx, lane, key)
	for _, l := range from {
		if err == nil {
			err = journal.Remember(tx, lane, keyFrom(key, l))
		}
	}
	return err
}

func keyFrom(key []byte, l network.LoginID) []byte {
	return journal.Key("from", string(key), string(l))
}

// fromOther reports whether a key is remembered from other logins only. If it is
// from this one too, then it happened twice in the same moment.
func (s *Service) fromOther(ctx context.Context, key []byte, l network.LoginID) (bool, error) {
	if has, err := s.j.Has(ctx, key); err != nil || !has {
		return false, err
	}
	own, err := s.j.Has(ctx, keyFrom(key, l))
	return !own, err
}

// goneCommon is a goneKey for all logins.
func goneCommon(portal int64, common network.MessageID) []byte {
	return journal.Key("gone, common", fmt.Sprint(portal), string(common))
}

// gone remembers the commonID of a message that is removed, given all its rows.
func gone(tx *store.Tx, lane journal.Lane, names []store.Message) error {
	var from []network.LoginID
	for _, r := range names {
		if !isCommon(r) {
			from = append(from, r.Login)
		}
	}
	for _, r := range names {
		if isCommon(r) {
			if err := rememberFrom(tx, lane, goneCommon(r.Portal, r.Remote), from...); err != nil {
				return err
			}
		}
	}
	return nil
}

// standing lists the reactions that stand on a message, whatever the logins call it.
func (x *inbound) standing(ctx context.Context, of network.Ref, on store.Message) ([]store.Reaction, error) {
	have, err := x.db.ReactionsOn(ctx, x.p.ID, of.ID)
	if err != nil || features(x.p).IDs != network.IDsPerLogin {
		return have, err
	}
	rows, err := x.messages.event(ctx, x.p.ID, on.Event)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if r.Remote == of.ID {
			continue
		}
		more, err := x.db.ReactionsOn(ctx, x.p.ID, r.Remote)
		if err != nil {
			return nil, err
		}
		have = append(have, more...)
	}
	return have, nil
}

// isCommon reports whether a row of the map has a commonID, which no network knows.
func isCommon(r store.Message) bool { return strings.HasPrefix(string(r.Remote), commonPrefix) }

// namedFor are the rows whose IDs a login knows.
func namedFor(p store.Portal, sess *login.Session, rows []store.Message) []store.Message {
	if features(p).IDs != network.IDsPerLogin {
		return rows
	}
	return slices.DeleteFunc(rows, func(r store.Message) bool { return r.Login != sess.ID })
}

// brought settles a message that is in the room because another login has
// delivered it, or sent it: this login's IDs name it from now on too.
func (x *inbound) brought(ctx context.Context, m *network.Message, ids []network.MessageID) (out journal.Outcome, done bool) {
	common := commonID(x.p, m.Sender, m.At, &m.Content)
	if common == "" || x.sess == nil {
		return out, false
	}
	gone, err := x.fromOther(ctx, goneCommon(x.p.ID, common), x.sess.ID)
	if err != nil {
		return dbOutcome(err), true
	} else if gone {
		return journal.Delivered(nil), true
	}
	same, err := x.messages.remote(ctx, x.p.ID, common)
	if err != nil {
		return dbOutcome(err), true
	}
	var one network.MessageID // what it is called by whoever brought it
	var rows []store.Message
	for _, r := range same {
		of, err := x.messages.event(ctx, x.p.ID, r.Event)
		if err != nil {
			return dbOutcome(err), true
		}
		if slices.ContainsFunc(of, func(o store.Message) bool { return o.Login == x.sess.ID }) {
			continue // this login calls it otherwise: it is another one of the same moment
		}
		if len(of) == 0 || one != "" && of[0].Remote != one {
			continue
		}
		one = of[0].Remote
		for _, remote := range ids {
			if remote != "" {
				rows = append(rows, store.Message{Portal: x.p.ID, Event: r.Event, Remote: remote, Part: r.Part, Login: x.sess.ID, Sender: string(m.Sender), At: m.At})
			}
		}
	}
	if len(rows) == 0 {
		return out, false
	}
	return x.mapped(rows), true
}
