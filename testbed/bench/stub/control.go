package stub

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

// control is what the benchmark calls. Its methods have the form of net/rpc.
type control struct{ s *Server }

func (c *control) methods() map[string]wire.Method {
	return map[string]wire.Method{
		wire.StubRegister: wire.MethodOf(c.Register), wire.StubTune: wire.MethodOf(c.Tune), wire.StubExpect: wire.MethodOf(c.Expect),
		wire.StubArrivals: wire.MethodOf(c.Arrivals), wire.StubCounts: wire.MethodOf(c.Counts), wire.StubPush: wire.MethodOf(c.Push),
	}
}

// Register adds an appservice; one that is known stays as it is.
func (c *control) Register(a wire.Appservice, _ *wire.Nothing) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.s.services[a.ASToken] == nil {
		c.s.services[a.ASToken] = &service{
			Appservice: a, rooms: map[string]*room{}, aliases: map[string]string{}, names: map[string]string{},
		}
	}
	return nil
}

func (c *control) find(token string) (*service, error) {
	if a := c.s.service(token); a != nil {
		return a, nil
	}
	return nil, fmt.Errorf("no appservice has this token")
}

// Tune changes how an appservice is answered.
func (c *control) Tune(t wire.Tuning, _ *wire.Nothing) error {
	a, err := c.find(t.ASToken)
	if err != nil {
		return err
	}
	a.latency.Store(int64(t.Latency))
	a.down.Store(t.Down)
	return nil
}

// Expect begins a tally, and the counts.
func (c *control) Expect(e wire.Expectation, _ *wire.Nothing) error {
	a, err := c.find(e.ASToken)
	if err != nil {
		return err
	}
	a.requests.Store(0)
	a.beforeFirst.Store(-1)
	return a.tally.Expect(e.First, e.Count)
}

// Arrivals waits for messages.
func (c *control) Arrivals(w wire.Waiting, out *wire.Arrivals) error {
	a, err := c.find(w.ASToken)
	if err != nil {
		return err
	}
	*out = a.tally.Wait(w)
	return nil
}

// Counts counts requests.
func (c *control) Counts(token string, out *wire.Counts) error {
	a, err := c.find(token)
	if err != nil {
		return err
	}
	out.Requests, out.BeforeFirst = a.requests.Load(), a.beforeFirst.Load()
	return nil
}

// Push pushes messages of the owner into the rooms of chats.
func (c *control) Push(p wire.Push, out *wire.Pushed) error {
	a, err := c.find(p.ASToken)
	if err != nil {
		return err
	}
	began := time.Now()
	for done := 0; done < p.Count; done += p.PerTxn {
		body, err := a.transaction(p, done, min(p.PerTxn, p.Count-done))
		if err != nil {
			return err
		}
		if p.Rate > 0 {
			time.Sleep(time.Until(began.Add(time.Duration(float64(done) / p.Rate * float64(time.Second)))))
		}
		id := "t" + strconv.FormatInt(a.txns.Add(1), 10)
		sent := time.Now()
		answered, err := c.push(a, id, body, began.Add(p.Most))
		if err != nil {
			return err
		}
		out.Sent, out.Answered = append(out.Sent, sent.UnixNano()), append(out.Answered, answered)
	}
	return nil
}

// push sends a transaction until it is answered with 200, and at least once. It
// returns when it was; 0: it was not.
func (c *control) push(a *service, id string, body []byte, until time.Time) (int64, error) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, a.URL+"/_matrix/app/v1/transactions/"+id, bytes.NewReader(body))
		if err != nil {
			cancel()
			return 0, err
		}
		req.Header.Set("Authorization", "Bearer "+a.HSToken)
		req.Header.Set("Content-Type", "application/json")
		res, err := c.s.client.Do(req)
		at := time.Now()
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		cancel()
		if err == nil && res.StatusCode == http.StatusOK {
			return at.UnixNano(), nil
		}
		if at.After(until) {
			return 0, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// transaction is the JSON of messages of a push.
func (a *service) transaction(p wire.Push, from, count int) ([]byte, error) {
	var b strings.Builder
	b.WriteString(`{"events":[`)
	for i := range count {
		n := p.First + from + i
		room := a.named(p.Chats.Chat(n))
		if room == "" {
			return nil, fmt.Errorf("chat %s has no room", p.Chats.Chat(n))
		}
		if i > 0 {
			b.WriteByte(',')
		}
		content, err := json.Marshal(a.content(p, n))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, `{"type":"m.room.message","event_id":"$in%d","room_id":%q,"sender":%q,"origin_server_ts":%d,"content":%s}`,
			n, room, wire.Owner, time.Now().UnixMilli(), content)
	}
	b.WriteString(`],"ephemeral":[]}`)
	return []byte(b.String()), nil
}

// content is what message number n says.
func (a *service) content(p wire.Push, n int) map[string]any {
	if p.File == 0 {
		return map[string]any{"msgtype": "m.text", "body": wire.Body(n)}
	}
	return map[string]any{
		"msgtype": "m.file", "body": wire.Body(n), "filename": "film.mkv", "url": fmt.Sprintf("mxc://%s/%d", wire.Domain, p.File),
		"info": map[string]any{"size": p.File, "mimetype": "video/x-matroska"},
	}
}
