package portal

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// edit replaces a message's content on the network; where that is not possible
// the new text is sent as a message that says so.
func (o *outbound) edit(ctx context.Context, target id.EventID) journal.Outcome {
	ref, rows, err := o.ref(ctx, target)
	if err != nil {
		return o.unknown(err)
	}
	if len(rows) == 0 {
		return journal.Delivered(nil) // it never left
	}
	if theirs, err := o.theirs(ctx, target, rows[0]); err != nil {
		return o.outcome(err)
	} else if !theirs {
		return journal.Delivered(nil)
	}
	var c struct {
		New json.RawMessage `json:"m.new_content"`
	}
	if err := json.Unmarshal(o.evt.Content, &c); err != nil {
		return journal.Fail(err, "the edit cannot be read")
	}
	content, err := o.fromMatrix(ctx, c.New)
	if err != nil {
		return o.failed(ctx, err)
	}
	if o.ops.Edit == nil {
		return o.editAsMessage(ctx, content)
	}
	ed := network.OutgoingEdit{Txn: o.txnID(), Chat: o.p.Chat.ID, Target: ref, Content: *content}
	if f := features(o.p); f.EditWindow > 0 && time.Since(rows[0].At) > f.EditWindow {
		return o.editAsMessage(ctx, content)
	}
	if features(o.p).OldText {
		return o.editAsText(ctx, target, ed)
	}
	what := editEcho(ref.ID, content)
	sent, err := o.ops.Edit(ctx, ed)
	if err != nil {
		return o.unanswered(ctx, err, what)
	}
	o.opts.Steps.At(step.OutChanged)
	o.sends.expect(o.p.ID, what)
	if o.e.Recovered || o.e.Tried {
		o.sends.expect(o.p.ID, what) // also what an earlier attempt may have done
	}
	if sent.Note != "" {
		o.tell(ctx, sent.Note, "note")
	}
	if err := o.editAgain(ctx, c.New, rows[0], ref); err != nil {
		return o.outcome(err)
	}
	return journal.Delivered(func(tx *store.Tx) error { return journal.Remember(tx, o.e.Lane, echoOf(o.p.ID, what)) })
}

// theirs reports whether whoever edits an event has said it: on Matrix, or with their
// account on the network, if it is their own event that shows it.
func (o *outbound) theirs(ctx context.Context, target id.EventID, row store.Message) (bool, error) {
	if o.from != nil || row.Sender == string(o.evt.Sender) {
		return true, nil
	}
	if o.relay || row.Sender != string(o.merges.one(o.p.Network, o.sess.User())) {
		return false, nil
	}
	evt, err := o.hs.GetEvent(ctx, o.evt.Room, target)
	if harmless(err) {
		return false, nil
	}
	return err == nil && evt.Sender == o.evt.Sender, err
}

// oldText is a message's text before an edit, as the homeserver has it: that of the
// edit before this one, or the message's own.
func (o *outbound) oldText(ctx context.Context, target id.EventID) (*network.Content, error) {
	edits, err := o.hs.Replacements(ctx, o.evt.Room, target) // the newest first
	if err != nil {
		return nil, err
	}
	for _, earlier := range edits[slices.Index(edits, o.evt.ID)+1:] {
		content, by, err := o.said(ctx, earlier)
		if err != nil {
			return nil, err
		}
		var c struct {
			New json.RawMessage `json:"m.new_content"`
		}
		if by == o.evt.Sender && json.Unmarshal(content, &c) == nil && c.New != nil {
			return o.fromMatrix(ctx, c.New)
		}
	}
	content, _, err := o.said(ctx, target)
	if err != nil || content == nil {
		return nil, err
	}
	return o.fromMatrix(ctx, content)
}

// said is what an event of the room says, and who said it; nil if it cannot be had.
func (o *outbound) said(ctx context.Context, evt id.EventID) (json.RawMessage, id.UserID, error) {
	e, err := o.hs.GetEvent(ctx, o.evt.Room, evt)
	if harmless(err) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	return o.content(ctx, e), e.Sender, nil
}

// editAsText has the network say in words what is changed. That is a message of its own,
// which must not come twice either, and which may come back.
func (o *outbound) editAsText(ctx context.Context, target id.EventID, ed network.OutgoingEdit) journal.Outcome {
	m := network.Outgoing{Txn: ed.Txn, Chat: ed.Chat, Content: ed.Content}
	if o.e.Repeated {
		if rows, err := o.messages.txn(ctx, o.p.ID, m.Txn); err != nil {
			return dbOutcome(err)
		} else if len(rows) > 0 {
			return journal.Delivered(nil)
		}
	}
	var err error
	if ed.Old, err = o.oldText(ctx, target); err != nil {
		return o.failed(ctx, err)
	}
	if features(o.p).Once == network.OnceNever {
		if err := o.begin(ctx); err != nil {
			return dbOutcome(err)
		}
	}
	sent, err := o.ops.Edit(ctx, ed)
	if err != nil {
		return o.failed(ctx, err)
	}
	o.opts.Steps.At(step.OutChanged)
	if sent.Note != "" {
		o.tell(ctx, sent.Note, "note")
	}
	for i, ids := range sent.Parts { // what has the message's own ID is the message
		sent.Parts[i] = slices.DeleteFunc(slices.Clone(ids), func(r network.MessageID) bool { return slices.Contains(ed.Target.IDs(), r) })
	}
	return o.mapped(slices.DeleteFunc(o.rows(m, sent), func(r store.Message) bool { return r.Remote == "" }))
}

// editAsMessage sends an edit as a new message.
func (o *outbound) editAsMessage(ctx context.Context, content *network.Content) journal.Outcome {
	for i := range content.Parts {
		content.Parts[i].Text = append(markup.Body{{Kind: markup.Text, Text: "(edited) "}}, content.Parts[i].Text...)
		break
	}
	m := o.outgoing(*content)
	if _, done, err := o.before(ctx, &m); err != nil {
		return o.failed(ctx, err)
	} else if done {
		return journal.Delivered(nil)
	}
	sent, err := o.ops.Send(ctx, m)
	if err != nil {
		return o.failed(ctx, err)
	}
	return o.mapped(o.rows(m, sent))
}
