package irc

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/convert"
)

// A proof is how we learn that the server has taken a line.
type proof int

const (
	byPong  proof = iota // the PONG to a PING behind it
	byEcho               // our own line comes back
	byLabel              // it comes back with our label
)

// The states of an outLine, in order.
type lineState int

const (
	queued  lineState = iota
	written           // or being written
	taken             // proved
	failed
)

// An outLine is something to write at once: a line, or a batch of lines.
type outLine struct {
	data   []byte
	cost   int // in lines
	pieces int // of a wording that are in it
	of     *sending
	label  string // the label in data, if any
	text   string // by which its echo is known; lines of a batch are joined by "\n"
	state  lineState
	at     time.Time // when it was written
	id     network.MessageID
}

// A sending is the lines of one part of a message on their way.
type sending struct {
	target string // folded
	txn    network.TxnID
	lines  []*outLine
	out    *outbox
	done   chan struct{} // closed when all are taken or one failed

	// Guarded by the outbox until done is closed.
	at    time.Time // the server's time of the first line, if known
	err   error     // why it failed
	ended bool
}

// An outbox holds the lines to write and those whose fate is not known yet. All
// goroutines of a connection use it.
type outbox struct {
	wake chan struct{} // has room for one: something to write

	mu       sync.Mutex // guards all below
	proof    proof
	patience time.Duration
	bucket   *bucket
	urgent   [][]byte // PONG and QUIT: written at once
	queues   map[string][]*outLine
	order    []string   // of the targets with queued lines, the next first
	pending  []*outLine // written and neither taken nor failed, in order
	unproved []*outLine // byPong: written since the last PING
	pings    [][]*outLine
	labels   int
	closed   error
}

func newOutbox(p proof, b *bucket, patience time.Duration) *outbox {
	return &outbox{wake: make(chan struct{}, 1), proof: p, patience: patience, bucket: b, queues: map[string][]*outLine{}}
}

func (o *outbox) notify() {
	select {
	case o.wake <- struct{}{}:
	default: // it is awake already
	}
}

// label makes a label that no other line of this connection has.
func (o *outbox) label() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.labels++
	return "cw" + strconv.Itoa(o.labels)
}

// post queues the lines of s behind those of the same target.
func (o *outbox) post(s *sending) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed != nil {
		o.end(s, o.closed)
		return
	}
	if len(s.lines) == 0 {
		o.end(s, nil)
		return
	}
	for _, l := range s.lines {
		l.of = s
		o.queue(s.target, l)
	}
	o.notify()
}

// command queues a line whose fate nobody waits for.
func (o *outbox) command(key string, data []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue(key, &outLine{data: data, cost: 1})
	o.notify()
}

func (o *outbox) queue(key string, l *outLine) {
	if len(o.queues[key]) == 0 {
		o.order = append(o.order, key)
	}
	o.queues[key] = append(o.queues[key], l)
}

// hurry queues a line that overtakes all others and costs nothing.
func (o *outbox) hurry(data []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.urgent = append(o.urgent, data)
	o.notify()
}

// ping queues a PING at once.
func (o *outbox) ping() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pingLocked()
	o.notify()
}

func (o *outbox) pingLocked() {
	o.bucket.level-- // it counts for the server too
	o.pings = append(o.pings, o.unproved)
	o.unproved = nil
	o.urgent = append(o.urgent, []byte("PING :causeway\r\n"))
}

// next takes out what to write now. If that is nothing, wait says how long not
// to look again; 0: until woken.
func (o *outbox) next(now time.Time) (data []byte, line *outLine, wait time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.urgent) > 0 {
		data = o.urgent[0]
		o.urgent = o.urgent[1:]
		return data, nil, 0
	}
	if len(o.order) == 0 {
		return nil, nil, 0
	}
	key := o.order[0]
	l := o.queues[key][0]
	if wait := o.bucket.take(now, l.cost); wait > 0 {
		return nil, nil, wait
	}
	o.order = o.order[1:]
	if o.queues[key] = o.queues[key][1:]; len(o.queues[key]) > 0 {
		o.order = append(o.order, key)
	} else {
		delete(o.queues, key)
	}
	if l.of != nil {
		l.state, l.at = written, now
		o.pending = append(o.pending, l)
	}
	return l.data, l, 0
}

// wrote follows the writing of l, of which n bytes went out.
func (o *outbox) wrote(l *outLine, n int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if l.of == nil {
		return
	}
	if err != nil && n == 0 {
		o.fail(l, &network.Error{Kind: network.Unavailable, User: offline, Err: err})
		return
	}
	if o.proof == byPong {
		o.unproved = append(o.unproved, l)
		if len(o.order) == 0 || len(o.unproved) >= 5 {
			o.pingLocked()
			o.notify()
		}
	}
}

// pong takes the answer to the oldest PING.
func (o *outbox) pong() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.pings) == 0 {
		return
	}
	lines := o.pings[0]
	o.pings = o.pings[1:]
	for _, l := range lines {
		o.take(l, "", time.Time{})
	}
}

// echoed finds the line whose echo came, by label if there is one, else by
// target and text, and tells its transaction; "" if it is none of ours.
func (o *outbox) echoed(label, target, text string, id network.MessageID, at time.Time) network.TxnID {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, same := range []func(*outLine) bool{
		func(l *outLine) bool { return l.text == text },
		func(l *outLine) bool { return convert.Strip(l.text) == convert.Strip(text) }, // +c takes colours away
	} {
		for _, l := range o.pending {
			if label != "" && l.label == label || label == "" && l.label == "" && l.of.target == target && same(l) {
				txn := l.of.txn
				o.take(l, id, at)
				return txn
			}
		}
	}
	return ""
}

// refused ends the sending that a refusal is about: that of the label, or the
// oldest to the target. It reports whether there was one.
func (o *outbox) refused(label, target string, err error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range o.pending {
		if label != "" && l.label == label || label == "" && l.of.target == target {
			o.fail(l, err)
			return true
		}
	}
	return false
}

// acked takes the answer to a labelled line that has no echo (TAGMSG to a
// server that swallows it).
func (o *outbox) acked(label string) { o.echoed(label, "", "", "", time.Time{}) }

// take marks l as taken by the server.
func (o *outbox) take(l *outLine, id network.MessageID, at time.Time) {
	if l.state != written || l.of.ended {
		return // after the end nobody may touch the lines: they belong to who waited
	}
	l.state, l.id = taken, id
	o.pending = remove(o.pending, l)
	s := l.of
	if s.at.IsZero() {
		s.at = at
	}
	for _, one := range s.lines {
		if one.state != taken {
			return
		}
	}
	o.end(s, nil)
}

// fail marks l as failed and ends its sending: lines behind it are not sent.
func (o *outbox) fail(l *outLine, err error) {
	if l.of.ended {
		return
	}
	l.state = failed
	o.end(l.of, err)
}

// end closes s. Lines that were not written are taken out.
func (o *outbox) end(s *sending, err error) {
	if s.ended {
		return
	}
	s.ended, s.err = true, err
	for _, l := range s.lines {
		switch l.state {
		case queued:
			l.state = failed
			o.unqueue(s.target, l)
		case written, failed:
			o.pending = remove(o.pending, l)
		}
	}
	close(s.done)
}

func (o *outbox) unqueue(key string, l *outLine) {
	had := len(o.queues[key]) > 0
	if o.queues[key] = remove(o.queues[key], l); had && len(o.queues[key]) == 0 {
		delete(o.queues, key)
		o.order = remove(o.order, key)
	}
}

func remove[T comparable](list []T, one T) []T {
	if i := slices.Index(list, one); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// cancel gives s up, because of err: it may have happened if anything was written.
func (o *outbox) cancel(s *sending, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end(s, o.doubt(s, err))
}

// doubt is err, or that the outcome is unsure, if a line of s was written and
// nothing is known of it.
func (o *outbox) doubt(s *sending, err error) error {
	for _, l := range s.lines {
		if l.state == written {
			return &network.Error{Kind: network.Unsure, User: "the network did not confirm the message", Err: err}
		}
	}
	return err
}

// excuse gives what was written the whole time again.
func (o *outbox) excuse(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range o.pending {
		l.at = now
	}
}

// expire ends what was written too long ago.
func (o *outbox) expire(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range slices.Clone(o.pending) {
		if now.Sub(l.at) >= o.patience && l.state == written {
			o.end(l.of, network.Errorf(network.Unsure, "the network did not confirm the message", "no answer to a line within %s", o.patience))
		}
	}
}

// close ends everything, when the connection is lost.
func (o *outbox) close(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = err
	for _, l := range slices.Clone(o.pending) {
		o.end(l.of, o.doubt(l.of, err))
	}
	for _, key := range slices.Clone(o.order) {
		for _, l := range slices.Clone(o.queues[key]) {
			if l.of != nil {
				o.end(l.of, o.doubt(l.of, err))
			}
		}
	}
}
