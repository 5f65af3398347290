package slackfake

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Subscribe gives an app a request URL: Slack asks it for the challenge, and sends
// events there instead of to sockets from then on. An error says why it refuses.
func (s *Server) Subscribe(ctx context.Context, appID, url string) error {
	s.mu.Lock()
	a := must(s.apps, appID)
	challenge := s.id("challenge")
	s.mu.Unlock()
	body, err := json.Marshal(JSON{"token": "verification", "challenge": challenge, "type": "url_verification"})
	if err != nil {
		return err
	}
	status, answer, _, err := s.request(ctx, a, url, body, 0, "")
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	var o JSON
	if json.Unmarshal(answer, &o) == nil && str(o, "challenge") != "" { // JSON, a form, or the text itself
		answer = []byte(str(o, "challenge"))
	}
	if got := strings.TrimPrefix(strings.TrimSpace(string(answer)), "challenge="); status != http.StatusOK || got != challenge {
		return fmt.Errorf("verify: status %d, challenge %q", status, got)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.url == "" {
		s.wg.Go(func() { s.pushes(a) })
	}
	a.url = url
	return nil
}

// pushes sends what waits for an app over HTTP until Close.
func (s *Server) pushes(a *app) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.wg.Go(func() {
		select {
		case <-s.stopped:
			cancel()
		case <-ctx.Done():
		}
	})
	for ctx.Err() == nil {
		s.mu.Lock()
		var next *envelope
		wait := time.Hour
		for _, e := range a.pending {
			if left := time.Until(e.at); left <= 0 {
				next = e
				break
			} else if left < wait {
				wait = left
			}
		}
		changed := s.changed
		s.mu.Unlock()
		if next != nil {
			s.push(ctx, a, next)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// push sends one event; what fails is tried again three times.
func (s *Server) push(ctx context.Context, a *app, e *envelope) {
	s.mu.Lock()
	body, err := json.Marshal(e.payload)
	url := a.url
	s.mu.Unlock()
	if err != nil {
		panic(fmt.Sprintf("slackfake: %v", err))
	}
	limit, cancel := context.WithTimeout(ctx, s.cfg.Redeliver)
	status, _, header, err := s.request(limit, a, url, body, e.tries, e.reason)
	cancel()
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.happened()
	done := err == nil && status/100 == 2
	if done {
		a.acks = append(a.acks, JSON{"event_id": e.payload["event_id"]})
	}
	if done || e.tries >= len(s.cfg.Retries) || header.Get("X-Slack-No-Retry") == "1" {
		a.pending = slices.DeleteFunc(a.pending, func(o *envelope) bool { return o == e })
		return
	}
	e.at = time.Now().Add(s.cfg.Retries[e.tries])
	e.tries++
	switch {
	case err == nil:
		e.reason = "http_error"
	case errors.Is(err, context.DeadlineExceeded):
		e.reason = "http_timeout"
	default:
		e.reason = "connection_failed"
	}
}

// request sends a signed request.
func (s *Server) request(ctx context.Context, a *app, url string, body []byte, try int, reason string) (int, []byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	at := strconv.FormatInt(s.cfg.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
	req.Header.Set("X-Slack-Request-Timestamp", at)
	req.Header.Set("X-Slack-Signature", Sign(a.SigningSecret, at, body))
	if try > 0 {
		req.Header.Set("X-Slack-Retry-Num", strconv.Itoa(try))
		req.Header.Set("X-Slack-Retry-Reason", reason)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = res.Body.Close() }() // only read
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, answer, res.Header, err
}

// Sign is the signature of a request of that timestamp and body.
func Sign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + timestamp + ":"))
	mac.Write(body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}
