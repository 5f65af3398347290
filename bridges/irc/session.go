package irc

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/ergochat/irc-go/ircmsg"
)

// A session is everything known about a connection that is signed in. Its loop
// owns it: nothing here is touched by another goroutine, except out, mail,
// requests and ended.
type session struct {
	set   settings
	tune  tuning
	c     *Client
	wire  *wire
	sink  network.Sink
	out   *outbox
	mail  *mailbox
	caps  caps
	net   isupport
	past  past
	motd  []string
	first []ircmsg.Message

	requests chan func()
	ended    chan struct{} // closed at the end of the loop

	nick     string
	mask     string // our user@host, empty if unknown
	account  bool
	msgids   bool
	want     string // the nick that we want
	state    network.LoginState
	chans    map[network.ChatID]*channel
	direct   map[network.ChatID]bool // people with whom there is a direct chat
	people   map[network.UserID]*person
	batches  map[string]*batch
	asks     []*ask
	catching map[network.ChatID]*catchup
	holding  bool // direct messages are held until we know what was missed
	changes  map[network.ChatID]*changes
	gone     map[network.UserID]*departure

	heard    time.Time // when the server was last heard of
	settleBy time.Time // when we are online whatever channels say; zero: we are
	pinged   time.Time // when it was asked since then; zero: not
	alive    time.Time // when that was stored
	regained time.Time // when the wanted nick was last tried for
	joinAt   time.Time // when to join channels; zero: done
	answered time.Time // when a CTCP request was last answered
	serverAt time.Time // the server's clock, as last seen
	batchNo  int
	ids      idRing
	last     map[network.ChatID]network.MessageID // what was said last in a chat
	typed    map[network.ChatID]typed
	into     *[]network.Event // where events go instead of to the core, if not nil
}

// past is what an earlier connection left.
type past struct {
	alive time.Time
	chats []network.ChatKey
	seen  map[network.ChatID]seen
	keys  map[network.ChatID]string
	motd  string
	since map[network.ChatID]time.Time // when a chat was first joined; "": when we first connected
}

// A seen says how far a chat was delivered.
type seen struct {
	ID network.MessageID `json:"id,omitempty"`
	At time.Time         `json:"at"`
}

func seenKey(id network.ChatID) string { return "seen/" + string(id) }
func keyKey(id network.ChatID) string  { return "key/" + string(id) }
func banKey(id network.ChatID, u network.UserID) string {
	return "ban/" + string(id) + "/" + string(u) // its mask
}
func sinceKey(id network.ChatID) string { return "since/" + string(id) }

// recall reads what an earlier connection left.
func (c *Client) recall(ctx context.Context) (past, error) {
	p := past{seen: map[network.ChatID]seen{}, keys: map[network.ChatID]string{}, since: map[network.ChatID]time.Time{}}
	chats, err := c.host.Chats(ctx)
	if err != nil {
		return p, fmt.Errorf("list chats: %w", err)
	}
	p.chats = chats
	if c.login.ID == relayID {
		for _, ch := range c.set.Channels {
			p.keys[rfc1459.chat(ch.Name)] = ch.Key
		}
	}
	for _, k := range chats {
		var s seen
		data, err := c.host.Cursor(ctx, seenKey(k.ID))
		if err != nil {
			return p, fmt.Errorf("read cursor: %w", err)
		}
		if data != nil && json.Unmarshal(data, &s) == nil {
			p.seen[k.ID] = s
		}
		key, err := c.host.KV.Get(ctx, keyKey(k.ID))
		if err != nil {
			return p, fmt.Errorf("read key: %w", err)
		}
		if key != nil {
			p.keys[k.ID] = string(key)
		}
		if p.since[k.ID], err = c.when(ctx, sinceKey(k.ID)); err != nil {
			return p, err
		}
	}
	if p.since[""], err = c.when(ctx, sinceKey("")); err != nil {
		return p, err
	}
	if p.alive, err = c.when(ctx, "alive"); err != nil {
		return p, err
	}
	motd, err := c.host.KV.Get(ctx, "motd")
	if err != nil {
		return p, fmt.Errorf("read value: %w", err)
	}
	p.motd = string(motd)
	return p, nil
}

// when reads a stored time, zero if there is none.
func (c *Client) when(ctx context.Context, key string) (time.Time, error) {
	data, err := c.host.KV.Get(ctx, key)
	if err != nil {
		return time.Time{}, fmt.Errorf("read value: %w", err)
	}
	t, err := time.Parse(time.RFC3339Nano, string(data))
	if err != nil {
		return time.Time{}, nil // none yet
	}
	return t, nil
}

// begins stores since when a chat is followed, if that is not known yet.
func (s *session) begins(ctx context.Context, id network.ChatID) {
	if !s.past.since[id].IsZero() {
		return
	}
	at := s.serverAt
	if at.IsZero() {
		at = time.Now()
	}
	s.past.since[id] = at
	if err := s.c.host.KV.Set(ctx, sinceKey(id), []byte(at.UTC().Format(time.RFC3339Nano))); err != nil {
		s.c.host.Log.Warn("cannot store since when a chat is followed", "error", err)
	}
}

func newSession(c *Client, w *wire, g *greeting, sink network.Sink, p past) *session {
	how := byPong
	switch {
	case g.caps.labels():
		how = byLabel
	case g.caps.on[capEcho]:
		how = byEcho
	}
	now := time.Now()
	return &session{
		set: c.set, tune: c.tune, c: c, wire: w, sink: sink, past: p,
		out:  newOutbox(how, newBucket(c.set.Flood, now), c.tune.patience),
		mail: newMailbox(), caps: g.caps, net: g.support, motd: g.motd, first: g.rest,
		requests: make(chan func()), ended: make(chan struct{}),
		nick: g.nick, mask: g.mask, account: g.account, msgids: g.msgids, want: c.id.nick,
		chans: map[network.ChatID]*channel{}, direct: map[network.ChatID]bool{}, people: map[network.UserID]*person{},
		batches: map[string]*batch{}, catching: map[network.ChatID]*catchup{},
		changes: map[network.ChatID]*changes{}, gone: map[network.UserID]*departure{}, typed: map[network.ChatID]typed{}, last: map[network.ChatID]network.MessageID{},
		heard: now, regained: now,
	}
}

// loop handles lines, requests and time until the connection ends.
func (s *session) loop(ctx context.Context, lines <-chan ircmsg.Message) (err error) {
	defer func() {
		cause := err
		if ctx.Err() != nil {
			cause = context.Cause(ctx)
		}
		s.c.setLive(nil)
		close(s.ended)
		s.out.close(errOffline(cause))
		s.failAsks(errOffline(cause))
	}()
	s.start(ctx)
	ticker := time.NewTicker(s.tune.tick)
	defer ticker.Stop()
	for {
		in := lines
		if s.mail.full() {
			in = nil
		}
		select {
		case m := <-in:
			s.heard, s.pinged = time.Now(), time.Time{}
			if err := s.handle(ctx, &m); err != nil {
				return err
			}
		case f := <-s.requests:
			f()
		case <-s.mail.room:
		case now := <-ticker.C:
			if err := s.tick(ctx, now); err != nil {
				return err
			}
		case <-ctx.Done():
			return fmt.Errorf("irc: %w", ctx.Err())
		}
	}
}

// start follows signing in.
func (s *session) start(ctx context.Context) {
	for _, k := range s.past.chats {
		if k.Login != "" {
			s.direct[k.ID] = true
		}
	}
	s.settleBy = time.Now().Add(s.tune.answer)
	s.sink.State(network.LoginState{Status: network.Connecting, User: s.net.casemap.user(s.nick)})
	s.greet(ctx)
	if s.set.UserModes != "" && s.c.login.ID == relayID {
		s.command("MODE", s.nick, s.set.UserModes)
	}
	if s.c.login.ID == relayID {
		for _, raw := range s.set.OnConnect {
			s.out.command("", []byte(raw+"\r\n"))
		}
	}
	s.joinAt = time.Now()
	if s.c.id.password != "" && !s.account && s.set.NickServ != "-" {
		s.command("PRIVMSG", s.set.NickServ, "IDENTIFY "+s.c.id.account+" "+s.c.id.password)
		s.joinAt = s.joinAt.Add(s.tune.identify)
	}
	s.prepare()
	s.c.setLive(s)
	s.missedDirect()
	s.begins(ctx, "")
	s.joinWhenReady(time.Now())
	for i := range s.first {
		_ = s.handle(ctx, &s.first[i]) // what ends a connection comes again as its end
	}
	s.first = nil
	s.settled(time.Now())
}

// settled reports that we are online once every channel has let us in or not,
// so that who is told so misses nothing that is said from then on.
func (s *session) settled(now time.Time) {
	if s.settleBy.IsZero() {
		return
	}
	if now.Before(s.settleBy) {
		for _, ch := range s.chans {
			if ch.joining {
				return
			}
		}
	}
	s.settleBy = time.Time{}
	s.report()
}

// report tells the login's state.
func (s *session) report() {
	if !s.settleBy.IsZero() {
		return // not yet
	}
	st := network.LoginState{Status: network.Online, User: s.net.casemap.user(s.nick)}
	if s.net.casemap.fold(s.nick) != s.net.casemap.fold(s.want) {
		st.Status = network.Limited
		st.Words = fmt.Sprintf("the nick %s is taken; you are %s until it is free", s.want, s.nick)
	}
	if st != s.state {
		s.state = st
		s.sink.State(st)
	}
}

// tick does what time brings.
func (s *session) tick(ctx context.Context, now time.Time) error {
	if s.mail.full() { // we do not read, so the server cannot be late
		s.heard, s.pinged = now, time.Time{}
		s.out.excuse(now)
		return nil
	}
	s.out.expire(now)
	s.expireAsks(now)
	s.settled(now)
	s.expireCatchups(now)
	s.flushChanges(now)
	s.joinWhenReady(now)
	s.rejoin(now)
	if s.state.Status == network.Limited && now.Sub(s.regained) >= s.tune.regain {
		s.regain()
	}
	if now.Sub(s.alive) >= 30*time.Second && s.pinged.IsZero() && s.mail.empty() {
		s.keepAlive(ctx, now)
	}
	silence := now.Sub(s.heard)
	switch {
	case silence >= s.set.PingInterval+s.set.PingTimeout && !s.pinged.IsZero():
		return network.Errorf(network.Unavailable, "the server does not answer any more", "ping timeout after %s", silence.Round(time.Second))
	case silence >= s.set.PingInterval && s.pinged.IsZero():
		s.pinged = now
		s.out.ping()
	}
	return nil
}

// regain tries to get the wanted nick back.
func (s *session) regain() {
	s.regained = time.Now()
	s.command("NICK", s.want)
}

// keepAlive stores that the connection was alive; after a gap one knows since when.
func (s *session) keepAlive(ctx context.Context, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, s.tune.goodbye)
	defer cancel()
	s.alive = now
	at := min(now.UnixNano(), s.heard.UnixNano())
	value := time.Unix(0, at).UTC().Format(time.RFC3339Nano)
	if err := s.c.host.KV.Set(ctx, "alive", []byte(value)); err != nil {
		s.c.host.Log.Warn("cannot store that the connection is alive", "error", err)
	}
}

// command queues a line. What cannot be sent was checked before; it is dropped.
func (s *session) command(command string, params ...string) {
	data, err := encodeLine(nil, command, params...)
	if err != nil {
		s.c.host.Log.Warn("a command cannot be sent", "command", command, "error", err)
		return
	}
	s.out.command("", data)
}

// deliver hands an event to the core.
func (s *session) deliver(ev network.Event, cursor map[string][]byte) { s.mail.put(ev, cursor) }
