package matrixtest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// BenchmarkSend measures PUT /send with 50 rooms of 8 ghosts: served
// directly, by the in-process transport, and with all of it pushed to an
// appservice.
func BenchmarkSend(b *testing.B) {
	for _, tt := range []struct {
		name            string
		transport, push bool
	}{{"handler", false, false}, {"transport", true, false}, {"pushed", true, true}} {
		b.Run(tt.name, func(b *testing.B) {
			hs := matrixtest.New(matrixtest.Options{})
			defer hs.Close()
			reg := registration()
			if tt.push {
				reg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
			}
			if err := hs.Register(reg); err != nil {
				b.Fatal(err)
			}
			do := func(method, path, body string) string {
				r, err := http.NewRequest(method, "http://hs.invalid/_matrix/client/v3/"+path, strings.NewReader(body))
				if err != nil {
					panic(err)
				}
				r.Header.Set("Authorization", "Bearer "+token)
				if !tt.transport {
					r.RequestURI = r.URL.RequestURI()
					hs.ServeHTTP(discard{http.Header{}}, r)
					return ""
				}
				resp, err := hs.Transport().RoundTrip(r)
				if err != nil {
					panic(err)
				}
				defer resp.Body.Close()
				out, _ := io.ReadAll(resp.Body)
				if resp.StatusCode != 200 {
					panic(string(out))
				}
				return string(out)
			}
			var ghosts, rooms []string
			for i := range 8 {
				name := fmt.Sprintf("_cw_irc_%d", i)
				do("POST", "register", `{"type":"m.login.application_service","inhibit_login":true,"username":"`+name+`"}`)
				ghosts = append(ghosts, "@"+name+":test")
			}
			for range 50 {
				do("POST", as("createRoom", ghosts[0]), `{"preset":"public_chat"}`)
			}
			rooms = hs.Rooms()
			for _, room := range rooms {
				for _, g := range ghosts[1:] {
					do("POST", as("join/"+room, g), "{}")
				}
			}
			var n atomic.Int64
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := int(n.Add(1))
					path := fmt.Sprintf("rooms/%s/send/m.room.message/t%d", rooms[i%50], i)
					do("PUT", as(path, ghosts[i%8]), `{"msgtype":"m.text","body":"hello, this is a message of middling length"}`)
				}
			})
			if tt.push {
				if err := hs.Wait(b.Context(), func() bool { return hs.Pushed("causeway").Pending == 0 }); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			total := 0
			for _, room := range rooms {
				total += len(hs.Room(room).Bodies())
			}
			if total != b.N {
				b.Fatalf("%d messages of %d", total, b.N)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sends/s")
		})
	}
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
