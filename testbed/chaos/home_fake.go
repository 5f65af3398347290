package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/registration"
)

// A fake is matrixtest: it fails in every way that a request can.
type fake struct {
	hs           *matrixtest.Server
	flavor       matrixtest.Flavor
	main, puppet registration.Registration
	url          string
	srv          *http.Server
	serves       sync.WaitGroup
	users        map[string]*matrixtest.User
}

type fakeRoom struct{ matrixtest.Room }

func (r fakeRoom) timeline() []*matrixtest.Event { return r.Timeline }

func newFake(p plan, pushes http.Handler) (*fake, error) {
	f := &fake{flavor: p.Flavor, users: map[string]*matrixtest.User{}, hs: matrixtest.New(matrixtest.Options{Domain: domain, Flavor: p.Flavor, KeepMedia: 16 << 20})}
	f.main, f.puppet = registrationsFor("http://causeway.invalid")
	if err := f.register(f.main); err != nil {
		return nil, err
	}
	if p.Puppets {
		if err := f.register(f.puppet); err != nil {
			return nil, err
		}
	}
	f.hs.Attach(f.main.ID, pushes)
	for _, name := range people() {
		f.users[mxid(name)] = f.hs.CreateUser(name, "pw")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f.url, f.srv = "http://"+l.Addr().String(), &http.Server{Handler: f.hs.Handler()}
	f.serves.Go(func() { _ = f.srv.Serve(l) }) // until close
	return f, nil
}

// register tells the homeserver about a registration.
func (f *fake) register(reg registration.Registration) error {
	m := matrixtest.Registration{
		ID: reg.ID, URL: string(reg.URL), ASToken: reg.ASToken, HSToken: reg.HSToken,
		SenderLocalpart: reg.SenderLocalpart, Ephemeral: true, MSC4190: reg.MSC4190 && f.flavor == matrixtest.Synapse,
	}
	for _, n := range reg.Namespaces.Users {
		m.Users = append(m.Users, matrixtest.Namespace{Exclusive: n.Exclusive, Regex: n.Regex})
	}
	for _, n := range reg.Namespaces.Aliases {
		m.Aliases = append(m.Aliases, matrixtest.Namespace{Exclusive: n.Exclusive, Regex: n.Regex})
	}
	return f.hs.Register(m)
}

func (f *fake) reach() string { return f.url }

func (f *fake) installed() (main, puppet registration.Registration) { return f.main, f.puppet }

func (f *fake) do(who, method, path string, in, out any) error {
	u := f.users[who]
	if u == nil {
		u = f.hs.User(who)
	}
	return u.Do(method, path, in, out)
}

func (f *fake) upload(who, name string, data []byte) (string, error) {
	return f.users[who].Upload(name, "application/octet-stream", data), nil
}

func (f *fake) seal(_, _, kind string, content any) (string, any, error) { return kind, content, nil }

func (f *fake) attach(who, _, name string, data []byte) (object, error) {
	uri, err := f.upload(who, name, data)
	return object{"url": uri}, err
}

func (f *fake) attached(e *matrixtest.Event) []byte { return f.file(e.Text("url")) }

func (f *fake) open(context.Context) error { return nil } // people go around its faults

func (f *fake) rooms() []string { return f.hs.Rooms() }

func (f *fake) room(id string) room { return fakeRoom{f.hs.Room(id)} }

func (f *fake) file(uri string) []byte {
	if uri == "" {
		return nil
	}
	m, _ := f.hs.Media(uri)
	return m.Data
}

func (f *fake) pushed() (came string, waits int, all bool) {
	p := f.hs.Pushed(f.main.ID)
	return fmt.Sprint(p.Events), int(p.Pending), true
}

func (f *fake) late() bool { return f.flavor == matrixtest.Dendrite }

func (f *fake) close() error {
	err := f.srv.Close()
	f.hs.Close()
	f.serves.Wait()
	return err
}

// play plays a fault of the homeserver.
func (f *fake) play(ctx context.Context, r round) error {
	faults := &f.hs.Faults
	switch r.Fault {
	case faultForget:
		faults.Down(matrixtest.Refusing)
		pause(ctx, r.Lasts)
		f.hs.Restart()
		faults.Down(matrixtest.Running)
		return nil
	case faultDown:
		faults.Down(matrixtest.Unavailable)
	case faultRefusing:
		faults.Down(matrixtest.Refusing)
	case faultSlow:
		faults.Set(func(matrixtest.Call) matrixtest.Fault { return matrixtest.Fault{Latency: r.Lasts} })
	case faultErrors:
		faults.Set(goWrong(r.Pick))
	}
	pause(ctx, 3*r.Lasts)
	faults.Down(matrixtest.Running)
	faults.Set(nil)
	return nil
}

// goWrong makes one request in three go wrong, in all ways.
func goWrong(pick uint64) func(matrixtest.Call) matrixtest.Fault {
	random := rand.New(rand.NewPCG(pick, 3))
	var mu sync.Mutex // guards random
	all := []matrixtest.Fault{
		{Status: http.StatusInternalServerError}, {Status: http.StatusBadGateway}, {Status: http.StatusBadGateway, Perform: true},
		{Status: http.StatusTooManyRequests, RetryAfter: 300 * time.Millisecond}, {LoseRequest: true}, {LoseResponse: true},
		{Status: http.StatusGatewayTimeout, Perform: true}, {CutAfter: 10},
	}
	return func(matrixtest.Call) matrixtest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if n := random.IntN(3 * len(all)); n < len(all) {
			return all[n]
		}
		return matrixtest.Fault{}
	}
}

func (f *fake) hang(r round) (heal func()) {
	f.hs.Faults.Set(func(matrixtest.Call) matrixtest.Fault { return matrixtest.Fault{Hang: true, Perform: r.Pick%2 == 0} })
	return func() { f.hs.Faults.Set(nil) }
}

func (f *fake) away() (heal func()) {
	f.hs.Faults.Down(matrixtest.Unavailable)
	return func() { f.hs.Faults.Down(matrixtest.Running) }
}

// loseRooms loses every other answer.
func (f *fake) loseRooms() (heal func()) {
	f.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
		return matrixtest.Fault{LoseResponse: c.Route == matrixtest.RouteCreateRoom && c.N%2 == 1}
	})
	return func() { f.hs.Faults.Set(nil) }
}
