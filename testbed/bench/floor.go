package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

// A floor is how many messages in a second Go's HTTP client alone sends to the
// stub, by how many it sends at once: what no bridge can exceed.
type floor map[int]float64

// together are how many requests are under way when a burst goes to one chat, and
// to many.
func together() [2]int { return [2]int{1, 64} }

// measureFloor sends count messages each way.
func (s *stage) measureFloor(ctx context.Context, count int) (floor, error) {
	const token = "floor"
	if err := s.stub.call(ctx, wire.StubRegister, wire.Appservice{ASToken: token, Sender: "floor"}, &wire.Nothing{}); err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: together()[1]}}
	defer client.CloseIdleConnections()
	base := "http://" + s.stub.spec.Listen + "/_matrix/client/v3/"
	var room struct {
		ID string `json:"room_id"`
	}
	if err := send(ctx, client, http.MethodPost, base+"createRoom", token, []byte(`{}`), &room); err != nil {
		return nil, err
	}
	f := floor{}
	for _, n := range together() {
		var next atomic.Int64
		began := time.Now()
		g, ctx := errgroup.WithContext(ctx)
		for range n {
			g.Go(func() error {
				for {
					i := next.Add(1)
					if i > int64(count) {
						return nil
					}
					body, err := json.Marshal(map[string]string{"msgtype": "m.text", "body": wire.Body(int(i)), "mark": "0123456789abcdef01234567"})
					if err != nil {
						return err
					}
					at := fmt.Sprintf("%srooms/%s/send/m.room.message/%d-%d?user_id=@ghost:%s", base, room.ID, n, i, wire.Domain)
					if err := send(ctx, client, http.MethodPut, at, token, body, &struct{}{}); err != nil {
						return err
					}
				}
			})
		}
		if err := g.Wait(); err != nil {
			return nil, err
		}
		f[n] = float64(count) / time.Since(began).Seconds()
	}
	return f, nil
}

// send makes one request and reads the answer.
func send(ctx context.Context, client *http.Client, method, at, token string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("floor: status %d", res.StatusCode)
	}
	return json.Unmarshal(answer, into)
}
