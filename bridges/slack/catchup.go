package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// marshal is p as a cursor.
func (p place) marshal() []byte {
	data, err := json.Marshal(p)
	if err != nil { // of texts
		return nil
	}
	return data
}

const (
	catchBatch = 100       // messages of one Deliver
	catchPage  = 200       // messages of one request
	catchWait  = time.Hour // how long a request may wait for its turn
)

// catchUp reads what was missed in the lane's chat and gives it to the loop. What
// cannot be read by this login is left out; Slack has said so before.
func (j *job) catchUp(ctx context.Context) error {
	ctx = patient(ctx, catchWait)
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		missed, err := j.missed(ctx)
		switch network.KindOf(err) {
		case network.Gone, network.Rejected:
			j.host.Log.Info("what was missed in a chat cannot be read", "chat", j.lane.chat, "err", err)
			return nil
		case network.LoggedOut:
			return err
		}
		if err == nil {
			return j.deliver(ctx, missed)
		}
		j.host.Log.Info("what was missed in a chat is read later", "chat", j.lane.chat, "err", err)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// deliver gives messages to the loop, the oldest first.
func (j *job) deliver(ctx context.Context, missed []*convert.Message) error {
	for some := range slices.Chunk(missed, catchBatch) {
		var d done
		for _, m := range some {
			d.batch.Events = append(d.batch.Events, j.words.message(ctx, m, j.lane.chat, false)...)
			d.batch.Events = append(d.batch.Events, j.words.reactions(ctx, m, j.lane.chat, false)...)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		j.advance(&d)
		j.give(ctx, d)
	}
	return ctx.Err()
}

// from is the ts behind which messages were missed.
func (j *job) from() convert.TS {
	if j.place.Seen == "" {
		return j.since // nothing was delivered there yet
	}
	from := convert.At(j.place.Seen.Time().Add(-j.tune.overlap))
	if from.Compare(j.place.From) < 0 {
		return before(j.place.From)
	}
	return from
}

// before is the ts directly before one.
func before(ts convert.TS) convert.TS { return convert.At(ts.Time().Add(-time.Microsecond)) }

// missed are the messages since the lane's place, threads included, the oldest first.
// Replies are not in the channel's history, so where Slack delivers nothing again older messages
// are looked at too: what a thread began with says when its last reply came.
func (j *job) missed(ctx context.Context) ([]*convert.Message, error) {
	from := j.from()
	q := pageQuery{chat: j.lane.chat, oldest: from, limit: catchPage}
	if j.deep {
		if old := convert.At(time.Now().Add(-j.tune.threads)); old.Compare(from) < 0 {
			q.oldest, q.limit = old, 999
		}
	}
	var all []*convert.Message
	var threads []convert.TS
	for {
		p, err := j.acc.page(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("read what was missed: %w", err)
		}
		for _, m := range p.messages {
			if m.TS.Compare(from) > 0 {
				all = append(all, m)
			}
			if m.LatestReply.Compare(from) > 0 {
				threads = append(threads, m.TS)
			}
		}
		if p.next == "" {
			break
		}
		q.cursor = p.next
	}
	for _, root := range threads {
		replies, err := j.acc.replies(ctx, j.lane.chat, root, from)
		if err != nil && network.KindOf(err) != network.Rejected { // a bot may not be allowed to read threads
			return nil, fmt.Errorf("read what was missed in a thread: %w", err)
		}
		all = append(all, replies...)
	}
	return j.sinceJoined(inOrder(all)), nil
}

// sinceJoined leaves out what was said before this login came into a chat of which nothing
// was delivered yet: that was not missed.
func (j *job) sinceJoined(all []*convert.Message) []*convert.Message {
	if j.place.Seen != "" {
		return all
	}
	for i, m := range slices.Backward(all) {
		if (m.Subtype == "channel_join" || m.Subtype == "group_join") && m.User == j.acc.UserID {
			return all[i:]
		}
	}
	return all
}

// replies are a thread's replies after a time.
func (a *api) replies(ctx context.Context, chat string, root, after convert.TS) ([]*convert.Message, error) {
	q := pageQuery{chat: chat, thread: string(root), oldest: after, limit: catchPage}
	var all []*convert.Message
	for {
		p, err := a.page(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, m := range p.messages { // the first one is among them whatever is asked for
			if m.TS != root && (after == "" || m.TS.Compare(after) > 0) {
				all = append(all, m)
			}
		}
		if p.next == "" {
			return all, nil
		}
		q.cursor = p.next
	}
}

// inOrder sorts messages by ts and leaves out what is there twice, as a reply that was
// shown in its channel too.
func inOrder(all []*convert.Message) []*convert.Message {
	slices.SortStableFunc(all, func(a, b *convert.Message) int { return a.TS.Compare(b.TS) })
	return slices.CompactFunc(all, func(a, b *convert.Message) bool { return a.TS == b.TS })
}

// reactions are those on a message that was read, which says who set them but not
// when.
func (t *translator) reactions(ctx context.Context, m *convert.Message, chat string, past bool) []network.Event {
	if len(m.Reactions) == 0 {
		return nil
	}
	set := &network.ReactionSet{Head: t.head(chat, "", "", m.TS), Target: network.Whole(m.TS.ID()), Emoji: map[network.UserID][]string{}}
	set.Target.Sender, _ = t.speaker(ctx, m)
	set.History = past
	key := []string{string(m.TS)}
	for _, r := range m.Reactions {
		emoji, id := t.emoji(ctx, r.Name)
		key = append(key, r.Name, itoa(r.Count))
		if id != "" {
			if set.Custom == nil {
				set.Custom = map[string]network.EmojiID{}
			}
			set.Custom[emoji] = id
		}
		for _, u := range r.Users {
			if user := network.UserID(u); !slices.Contains(set.Emoji[user], emoji) { // two names of one
				set.Emoji[user] = append(set.Emoji[user], emoji)
			}
		}
	}
	set.Key = eventKey("reactions", key...)
	return []network.Event{set}
}
