package matrixtest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

func get(t *testing.T, ctx context.Context, h http.HandlerFunc, body io.Reader) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "POST", "http://x.invalid/a%2Fb?c=d", body)
	if err != nil {
		t.Fatal(err)
	}
	return (&http.Client{Transport: matrixtest.Transport(h)}).Do(req)
}

func TestTransportRequest(t *testing.T) {
	resp, err := get(t, t.Context(), func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.URL.EscapedPath()+" "+r.RequestURI+" "+r.Host+" "+string(body))
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-Late", "not sent")
	}, strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("X-Seen"); got != "/a%2Fb /a%2Fb?c=d x.invalid hello" || resp.StatusCode != http.StatusTeapot {
		t.Errorf("%d %q", resp.StatusCode, got)
	}
	if resp.Header.Get("X-Late") != "" || resp.ContentLength != 0 {
		t.Errorf("answer: %+v", resp)
	}
}

// TestTransportStreams sends both bodies bit by bit, each waiting for the
// other.
func TestTransportStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pr, pw := io.Pipe()
		resp, err := get(t, t.Context(), func(w http.ResponseWriter, r *http.Request) {
			buf := make([]byte, 1)
			w.(http.Flusher).Flush()
			for {
				if _, err := io.ReadFull(r.Body, buf); err != nil {
					return
				}
				_, _ = w.Write([]byte(strings.ToUpper(string(buf))))
				w.(http.Flusher).Flush()
			}
		}, pr)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		buf := make([]byte, 1)
		for _, s := range []string{"a", "b", "c"} {
			if _, err := io.WriteString(pw, s); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != strings.ToUpper(s) {
				t.Fatalf("echo of %s: %q %v", s, buf, err)
			}
		}
		_ = pw.Close()
		if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
			t.Errorf("end: %q %v", rest, err)
		}
	})
}

func TestTransportEndings(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	t.Run("cancelled before the answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var seen error
			_, err := get(t, ctx, func(_ http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				seen = r.Context().Err()
			}, nil)
			synctest.Wait()
			if !errors.Is(err, context.DeadlineExceeded) || seen == nil {
				t.Errorf("client %v, handler %v", err, seen)
			}
		})
	})
	t.Run("cancelled during the answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			var seen error
			resp, err := get(t, ctx, func(w http.ResponseWriter, r *http.Request) {
				for seen == nil {
					_, seen = io.WriteString(w, big)
				}
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.CopyN(io.Discard, resp.Body, 100)
			cancel()
			_, err = io.Copy(io.Discard, resp.Body)
			synctest.Wait()
			if !errors.Is(err, context.Canceled) || seen == nil {
				t.Errorf("client %v, handler %v", err, seen)
			}
		})
	})
	t.Run("closed by the client", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var seen error
			resp, err := get(t, t.Context(), func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, big)
				<-r.Context().Done()
				seen = r.Context().Err()
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			synctest.Wait()
			if seen == nil {
				t.Error("the handler was not told")
			}
		})
	})
	t.Run("broken by the server", func(t *testing.T) {
		resp, err := get(t, t.Context(), func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, big)
			panic(http.ErrAbortHandler)
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if n, err := io.Copy(io.Discard, resp.Body); n != int64(len(big)) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
	t.Run("body not wanted", func(t *testing.T) {
		pr, pw := io.Pipe()
		resp, err := get(t, t.Context(), func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}, pr)
		if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Fatalf("%v %v", resp, err)
		}
		resp.Body.Close()
		if _, err := pw.Write([]byte("more")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the sender was told %v", err)
		}
	})
}

// TestWaiting: Wait sees every change, and gives up with its context.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, matrixtest.Options{})
		room := r.room()
		anna := r.User(ghost)
		go func() {
			for range 10 {
				time.Sleep(time.Second) // the bubble's clock
				anna.SendText(room, "x")
			}
		}()
		began := time.Now()
		n := r.RoomLen(room)
		if err := r.Wait(t.Context(), func() bool { return r.RoomLen(room) == n+10 }); err != nil || time.Since(began) != 10*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Wait(ctx, func() bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}
