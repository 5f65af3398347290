package matrixtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// A fakeBridge is an appservice that writes down what it is pushed.
type fakeBridge struct {
	mu     sync.Mutex
	txns   []pushed
	paths  []string
	status func(n int) int // answer to the n-th transaction, from 1; nil: 200
	block  chan struct{}   // transactions wait for it
	token  string
}

type pushed struct {
	ID        string
	Events    []object `json:"events"`
	Ephemeral []object `json:"ephemeral"`
	Old       []object `json:"de.sorunome.msc2409.ephemeral"`
	raw       string
}

func (p pushed) bodies() []string {
	var out []string
	for _, e := range p.Events {
		if body, ok := e["content"].(object)["body"].(string); ok {
			out = append(out, body)
		}
	}
	return out
}

func (b *fakeBridge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	b.paths = append(b.paths, r.Method+" "+r.URL.Path)
	b.token = r.Header.Get("Authorization")
	block := b.block
	b.mu.Unlock()
	if r.Method != http.MethodPut {
		_, _ = w.Write([]byte("{}"))
		return
	}
	var raw json.RawMessage
	_ = json.NewDecoder(r.Body).Decode(&raw)
	p := pushed{ID: r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:], raw: string(raw)}
	_ = json.Unmarshal(raw, &p)
	b.mu.Lock()
	b.txns = append(b.txns, p)
	status := http.StatusOK
	if b.status != nil {
		status = b.status(len(b.txns))
	}
	b.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-r.Context().Done():
			return
		}
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte("{}"))
}

func (b *fakeBridge) got() []pushed {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.txns)
}

// pushRig is a rig whose bridge is pushed to, with a room that it has seen.
func pushRig(t *testing.T, opts matrixtest.Options, b *fakeBridge) (*rig, string) {
	r := newRig(t, opts, func(reg *matrixtest.Registration) {
		reg.URL, reg.Handler, reg.Ephemeral = "http://bridge.invalid", b, true
	})
	room := r.room()
	r.idle()
	b.mu.Lock()
	b.txns = nil
	b.mu.Unlock()
	return r, room
}

func (r *rig) idle() {
	r.t.Helper()
	r.wait("an empty queue", func() bool { return r.Pushed("causeway").Pending == 0 })
}

func TestInterest(t *testing.T) {
	b := &fakeBridge{}
	r, room := pushRig(t, matrixtest.Options{}, b)
	alice := r.CreateUser("alice", "")
	private := alice.CreateRoom(object{"name": "Private"})
	alice.SendText(private, "unseen")
	alice.Invite(private, "@_cw_irc_new:test")
	alice.SendText(private, "unseen too")
	alice.Join(room)
	alice.SendText(room, "seen")
	r.send(ghost, room, "1", "own")
	r.idle()
	// A ghost that was there, and renamed there, is there no more.
	brief := alice.CreateRoom(object{"preset": "public_chat"})
	bert := r.User(ghost2)
	bert.Join(brief)
	bert.SetDisplayName("Bert")
	bert.Leave(brief)
	r.idle()
	before := r.Pushed("causeway").Events
	alice.SendText(brief, "alone")
	r.idle()
	if n := r.Pushed("causeway").Events - before; n != 0 {
		t.Errorf("%d events pushed of a room without ghosts", n)
	}
	var types, bodies []string
	var invite object
	for _, p := range b.got() {
		bodies = append(bodies, p.bodies()...)
		for _, e := range p.Events {
			if e["room_id"] == brief || e["sender"] == ghost2 {
				continue
			}
			types = append(types, e["type"].(string))
			if e["room_id"] == private {
				invite = e
			}
		}
	}
	if !slices.Equal(bodies, []string{"seen", "own"}) || len(types) != 4 {
		t.Errorf("pushed %v %v", types, bodies)
	}
	if fmt.Sprint(invite["unsigned"]) == "" || !strings.Contains(fmt.Sprint(invite["unsigned"].(object)["invite_room_state"]), "Private") {
		t.Errorf("invite: %v", invite)
	}
	if b.token != "Bearer hs-secret" {
		t.Errorf("token %q", b.token)
	}
}

// TestRetrySynapse: the same body under the same ID, later events apart, one
// by one.
func TestRetrySynapse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBridge{}
		r, room := pushRig(t, matrixtest.Options{}, b)
		b.status = func(n int) int {
			if n <= 3 {
				return []int{500, 404, 202}[n-1]
			}
			return 200
		}
		r.send(ghost, room, "1", "m1")
		synctest.Wait() // the first attempt has failed
		r.send(ghost, room, "2", "m2")
		r.ok(token, "PUT", as("rooms/"+room+"/typing/"+ghost, ghost), object{"typing": true, "timeout": 100})
		r.send(ghost, room, "3", "m3")
		r.idle()
		got := b.got()
		if len(got) != 6 {
			t.Fatalf("%d transactions", len(got))
		}
		for _, p := range got[:4] {
			if p.ID != got[0].ID || !slices.Equal(p.bodies(), []string{"m1"}) {
				t.Errorf("retry %s %v", p.ID, p.bodies())
			}
		}
		if !slices.Equal(got[4].bodies(), []string{"m2"}) || !slices.Equal(got[5].bodies(), []string{"m3"}) || got[4].ID == got[0].ID {
			t.Errorf("after recovery: %v %v", got[4].bodies(), got[5].bodies())
		}
		for _, p := range got {
			if len(p.Ephemeral) != 0 {
				t.Errorf("ephemeral events while down: %v", p.Ephemeral)
			}
		}
		if s := r.Pushed("causeway"); s.Failures != 3 || s.Events == 0 || s.Pending != 0 {
			t.Errorf("stats: %+v", s)
		}
	})
}

// TestRetryDendrite: the same ID with more events in it.
func TestRetryDendrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBridge{}
		r, room := pushRig(t, matrixtest.Options{Flavor: matrixtest.Dendrite, Batch: 3}, b)
		b.status = func(n int) int {
			if n == 1 {
				return 500
			}
			return 200
		}
		r.send(ghost, room, "0", "m0")
		synctest.Wait()
		for i := range 5 {
			r.send(ghost, room, fmt.Sprint(i+1), fmt.Sprintf("m%d", i+1))
		}
		r.idle()
		got := b.got()
		want := [][]string{{"m0"}, {"m0", "m1", "m2"}, {"m3", "m4", "m5"}}
		if len(got) != 3 || got[1].ID != got[0].ID || got[2].ID == got[0].ID {
			t.Fatalf("transactions: %+v", got)
		}
		for i := range want {
			if !slices.Equal(got[i].bodies(), want[i]) {
				t.Errorf("transaction %d: %v", i, got[i].bodies())
			}
		}
	})
}

// TestRestartPushes gives out again what was not acknowledged: at once on
// Synapse, behind newer events on Dendrite.
func TestRestartPushes(t *testing.T) {
	for name, tt := range map[string]struct {
		flavor matrixtest.Flavor
		want   []string
	}{
		"Synapse":  {matrixtest.Synapse, []string{"m1", "m1", "m2"}},
		"Dendrite": {matrixtest.Dendrite, []string{"m1", "m2", "m1"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &fakeBridge{}
				r, room := pushRig(t, matrixtest.Options{Flavor: tt.flavor}, b)
				b.mu.Lock()
				b.block = make(chan struct{})
				b.mu.Unlock()
				r.send(ghost, room, "1", "m1")
				synctest.Wait()
				r.send(ghost, room, "2", "m2")
				b.mu.Lock()
				b.block = nil
				b.mu.Unlock()
				r.Restart()
				r.idle()
				var got []string
				for _, p := range b.got() {
					got = append(got, p.bodies()...)
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("pushed %v, want %v", got, tt.want)
				}
			})
		})
	}
}

// TestBatches keeps the order and one transaction in flight, and pushes
// nothing while the server is down.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBridge{}
		r, room := pushRig(t, matrixtest.Options{}, b)
		r.Faults.Down(matrixtest.Refusing)
		anna := r.User(ghost)
		var want []string
		for i := range 250 {
			want = append(want, fmt.Sprint(i))
			anna.SendText(room, want[i])
		}
		synctest.Wait()
		if n := r.Pushed("causeway").Pending; n != 250 || len(b.got()) != 0 {
			t.Errorf("%d pending, %d transactions while the server is down", n, len(b.got()))
		}
		r.Faults.Down(matrixtest.Running)
		r.idle()
		var got []string
		for i, p := range b.got() {
			got = append(got, p.bodies()...)
			if len(p.Events) > 100 {
				t.Errorf("transaction %d has %d events", i, len(p.Events))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d of %d events, or another order", len(got), len(want))
		}
	})
}

// TestUnreachable lets a bridge go away and come back.
func TestUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBridge{}
		r, room := pushRig(t, matrixtest.Options{Wait: func(ctx context.Context, attempt int) error {
			<-ctx.Done() // for ever, but for a ping or a restart
			return ctx.Err()
		}}, b)
		r.Attach("causeway", nil)
		r.send(ghost, room, "1", "m1")
		synctest.Wait()
		ping := func() (int, object, error) {
			return r.request(t.Context(), token, "POST", "/_matrix/client/v1/appservice/causeway/ping", object{"transaction_id": "p"})
		}
		if status, out, _ := ping(); status != 502 || out["errcode"] != "M_CONNECTION_FAILED" {
			t.Errorf("ping: %d %v", status, out)
		}
		r.Attach("causeway", b)
		if n := len(b.got()); n != 0 {
			t.Errorf("%d transactions without a reason to retry", n)
		}
		if status, out, _ := ping(); status != 200 || out["duration_ms"] == nil {
			t.Errorf("ping: %d %v", status, out)
		}
		r.idle()
		if got := b.got(); len(got) != 1 || got[0].bodies()[0] != "m1" {
			t.Errorf("after the ping: %v", got)
		}
	})
}

// TestLostTransactionAnswer breaks off after the bridge has done its part.
func TestLostTransactionAnswer(t *testing.T) {
	b := &fakeBridge{}
	var once sync.Once
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.ServeHTTP(w, r)
		once.Do(func() { panic(http.ErrAbortHandler) })
	})
	r := newRig(t, matrixtest.Options{}, func(reg *matrixtest.Registration) { reg.Handler = h })
	r.room()
	r.idle()
	got := b.got()
	if len(got) < 2 || got[0].ID != got[1].ID || len(got[0].Events) != len(got[1].Events) {
		t.Errorf("transactions: %+v", got)
	}
}

func TestEphemeral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBridge{}
		r, room := pushRig(t, matrixtest.Options{}, b)
		alice := r.CreateUser("alice", "")
		alice.Join(room)
		msg := r.send(ghost, room, "1", "x")
		alice.Typing(room, 5*time.Second)
		synctest.Wait()
		time.Sleep(5 * time.Second) // the bubble's clock: typing ends
		synctest.Wait()
		alice.Receipt(room, "m.read", msg, "main")
		alice.Receipt(room, "m.read.private", msg, "")
		alice.SetPresence("online", "here")
		synctest.Wait()
		var got []string
		for _, p := range b.got() {
			for _, e := range p.Ephemeral {
				raw, _ := json.Marshal(e["content"])
				got = append(got, e["type"].(string)+" "+string(raw))
			}
		}
		want := []string{
			`m.typing {"user_ids":["@alice:test"]}`,
			`m.typing {"user_ids":[]}`,
			`m.receipt {"` + msg + `":{"m.read":{"@alice:test":{"thread_id":"main","ts":` + fmt.Sprint(time.Now().UnixMilli()) + `}}}}`,
			`m.presence {"presence":"online","status_msg":"here"}`,
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// TestQueries asks the bridge for users and aliases that it may make.
func TestQueries(t *testing.T) {
	b := &fakeBridge{}
	var r *rig
	h := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b.ServeHTTP(w, q)
		switch q.URL.Path {
		case "/_matrix/app/v1/users/@_cw_irc_asked:test":
			r.ok(token, "POST", "register", object{"type": "m.login.application_service", "username": "_cw_irc_asked"})
		case "/_matrix/app/v1/rooms/#_cw_asked:test":
			r.ok(token, "POST", as("createRoom", bot), object{"room_alias_name": "_cw_asked", "preset": "public_chat"})
		}
	})
	// Synapse does not ask for profiles.
	r = newRig(t, matrixtest.Options{Flavor: matrixtest.Dendrite}, func(reg *matrixtest.Registration) { reg.URL = "http://late.invalid" })
	r.Attach("causeway", h)
	alice := r.CreateUser("alice", "")
	if room := alice.Join("#_cw_asked:test"); room == "" || room != r.Alias("#_cw_asked:test") {
		t.Errorf("joined %q", room)
	}
	if err := alice.Do("GET", "profile/@_cw_irc_asked:test", nil, nil); err != nil {
		t.Errorf("profile: %v", err)
	}
	if err := alice.Do("GET", "profile/@other:test", nil, nil); err == nil {
		t.Error("a user nobody knows has a profile")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Contains(b.paths, "GET /_matrix/app/v1/users/@other:test") {
		t.Error("asked for a user outside of the namespace")
	}
}
