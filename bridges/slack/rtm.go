package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"
)

// runRTM keeps one RTM connection, for a person, and passes its events to the loop.
// The library's own RTM gives typed events only, in which parts of messages are
// lost, so the socket is read here. RTM asks for no acknowledgements; what a lost
// connection swallowed is read when there is another.
func runRTM(ctx context.Context, s *session, typing <-chan string) error {
	address, err := s.acc.socketURL(ctx)
	if err != nil {
		return err
	}
	header := http.Header{"Origin": {"https://app.slack.com"}}
	if s.cred.Cookie != "" {
		header.Set("Cookie", "d="+s.cred.Cookie)
	}
	conn, resp, err := s.conn.dialer().DialContext(ctx, address, header)
	if err != nil {
		if resp != nil && (resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusUnauthorized) {
			return network.Errorf(network.LoggedOut, "Slack does not accept this session any more: sign in again", "open a socket: %w", err)
		}
		return network.Errorf(network.Unavailable, "Slack cannot be reached at the moment", "open a socket: %w", err)
	}
	conn.SetReadLimit(16 << 20)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		<-ctx.Done()
		_ = conn.Close() // ends the reader
		return ctx.Err()
	})
	g.Go(func() error { return s.readRTM(ctx, conn) })
	other := make(chan map[string]any)
	g.Go(func() error { return s.acc.watch.subscribe(ctx, s.tune.watch, other) })
	g.Go(func() error { return writeRTM(ctx, conn, typing, other, s.tune.ping) })
	return g.Wait()
}

// socketURL is where a person's socket is. Slack has announced the end of RTM for apps, so
// where it refuses to tell, it is the place at which browsers open theirs, as wee-slack does.
func (a *account) socketURL(ctx context.Context) (string, error) {
	var place struct{ URL string }
	// Presence is told of those who are asked for, several at once.
	args := url.Values{"presence_sub": {"true"}, "batch_presence_aware": {"true"}}
	err := a.call(ctx, "rtm.connect", args, &place)
	if network.KindOf(err) == network.Rejected {
		return a.gateway()
	}
	return place.URL, err
}

// gateway is the address at which browsers open their socket.
func (a *account) gateway() (string, error) {
	u, err := url.Parse(a.base)
	if err != nil {
		return "", fmt.Errorf("the API's address: %w", err)
	}
	u.Path, u.Scheme = "/", map[string]string{"https": "wss", "http": "ws"}[u.Scheme]
	if u.Host == "slack.com" || u.Host == "slack-gov.com" {
		u.Host = "wss-primary." + u.Host
	}
	u.RawQuery = url.Values{
		"token": {a.cred.Token}, "gateway_server": {a.TeamID + "-1"}, "slack_client": {"desktop"}, "batch_presence_aware": {"1"},
	}.Encode()
	return u.String(), nil
}

// readRTM passes events on until the connection ends.
func (s *session) readRTM(ctx context.Context, conn *websocket.Conn) error {
	for {
		if err := conn.SetReadDeadline(time.Now().Add(2*s.tune.ping + 10*time.Second)); err != nil {
			return errSocket(err)
		}
		_, raw, err := conn.ReadMessage()
		if err != nil {
			return errSocket(err)
		}
		ev, err := parseEvent(raw, "")
		if err != nil {
			s.host.Log.Warn("an event of Slack's cannot be read", "err", err)
			continue
		}
		switch ev.Type {
		case "", "pong", "reconnect_url": // an answer to us
		case "hello":
			err = tell(ctx, s.connected, struct{}{})
		case "goodbye":
			return errSocket(fmt.Errorf("goodbye"))
		case "error":
			return rtmError(raw)
		default:
			err = tell(ctx, s.in, ev)
		}
		if err != nil {
			return err
		}
	}
}

// rtmError is an error event.
func rtmError(raw []byte) error {
	var e struct {
		Error struct {
			Code int
			Msg  string
		}
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return errSocket(err)
	}
	return errSocket(fmt.Errorf("error %d: %s", e.Error.Code, e.Error.Msg))
}

func errSocket(err error) error {
	return network.Errorf(network.Unavailable, "the connection to Slack was lost", "socket: %w", err)
}

// writeRTM pings, says that the person types, and what else there is to say.
func writeRTM(ctx context.Context, conn *websocket.Conn, typing <-chan string, other <-chan map[string]any, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for id := 1; ; id++ {
		out := map[string]any{"id": id, "type": "ping"}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case chat := <-typing:
			out["type"], out["channel"] = "typing", chat
		case more := <-other:
			maps.Copy(out, more)
		}
		if err := conn.SetWriteDeadline(time.Now().Add(15 * time.Second)); err != nil {
			return errSocket(err)
		}
		if err := conn.WriteJSON(out); err != nil {
			return errSocket(err)
		}
	}
}

// Type implements network.Typer. Slack stops showing it by itself.
func (p *Person) Type(ctx context.Context, chat network.ChatID, d time.Duration) error {
	acc, err := p.account(ctx)
	if err != nil {
		return err
	}
	if err := checkChat(chat); err != nil {
		return err
	}
	if _, err := p.conn.dir.channel(ctx, acc, string(chat)); err != nil {
		return err
	}
	if d > 0 {
		select {
		case acc.typing <- string(chat):
		default: // it is not worth to wait for
		}
	}
	return nil
}
