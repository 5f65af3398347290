package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/registration"
	"github.com/causeway-chat/causeway/testbed/child"
	"github.com/causeway-chat/causeway/testbed/gate"
	"github.com/causeway-chat/causeway/testbed/homeserver"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

const (
	password = "secret"
	homeLog  = "homeserver.log" // in the folder of the run
)

// A real is Dendrite or Synapse, with a gate on Causeway's way to it and one on its
// way to Causeway. People go around both.
type real struct {
	name         string
	server       *homeserver.Server
	log          *os.File
	main, puppet registration.Registration
	in, out      *gate.Gate // to the homeserver, and to Causeway
	srv          *http.Server
	serves       sync.WaitGroup
	users        map[string]*matrixuser.User
	sights       map[string]*sight // by Matrix ID

	life sync.RWMutex // held for reading by requests, for writing while the server is down
}

func newReal(ctx context.Context, p plan, dir string, pushes http.Handler) (_ home, err error) {
	r := &real{name: p.Home, users: map[string]*matrixuser.User{}, sights: map[string]*sight{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if err := r.listen(pushes); err != nil {
		return nil, err
	}
	addr, err := child.FreeAddr()
	if err != nil {
		return nil, err
	}
	if r.in, err = gate.New(addr); err != nil {
		return nil, err
	}
	launch, err := launcher(ctx, p.Home)
	if err != nil {
		return nil, err
	}
	r.main, r.puppet = registrationsFor("http://" + r.out.Addr())
	o := homeserver.Options{Dir: filepath.Join(dir, "homeserver"), Addr: addr, Name: domain, Launch: launch}
	if o.Registrations, err = r.install(dir, p.Puppets); err != nil {
		return nil, err
	}
	for _, name := range people() {
		o.Users = append(o.Users, homeserver.User{Name: name, Password: password})
	}
	if r.log, err = os.Create(filepath.Join(dir, homeLog)); err != nil {
		return nil, err
	}
	o.Stderr = r.log
	if r.server, err = homeserver.Start(ctx, o); err != nil {
		return nil, err
	}
	return r, r.login(ctx)
}

func launcher(ctx context.Context, name string) (homeserver.Launcher, error) {
	if name == synapseHome {
		return homeserver.Synapse(ctx)
	}
	return homeserver.Tool(ctx)
}

// listen serves the homeserver's pushes behind the gate out.
func (r *real) listen(pushes http.Handler) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	r.srv = &http.Server{Handler: pushes}
	r.serves.Go(func() { _ = r.srv.Serve(l) }) // until close
	r.out, err = gate.New(l.Addr().String())
	return err
}

// install writes the registrations and returns their paths.
func (r *real) install(dir string, puppets bool) ([]string, error) {
	all := []string{filepath.Join(dir, "registration.yaml")}
	if err := registration.Write(all[0], r.main, false); err != nil {
		return nil, err
	}
	if !puppets {
		return all, nil
	}
	all = append(all, filepath.Join(dir, "double-puppet.yaml"))
	return all, registration.Write(all[1], r.puppet, false)
}

// login signs everybody in.
func (r *real) login(ctx context.Context) error {
	for _, name := range people() {
		u, err := matrixuser.Login(ctx, r.server.URL(), name, password)
		if err != nil {
			return err
		}
		r.users[mxid(name)], r.sights[mxid(name)] = u, newSight(u)
	}
	return nil
}

func (r *real) reach() string { return "http://" + r.in.Addr() }

func (r *real) installed() (main, puppet registration.Registration) { return r.main, r.puppet }

func (r *real) open(ctx context.Context) error {
	r.life.RLock() // when the server is up
	defer r.life.RUnlock()
	return ctx.Err()
}

func (r *real) do(who, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := r.request(who, method, "/_matrix/client/v3/"+path, "application/json", body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

func (r *real) upload(who, name string, data []byte) (string, error) {
	answer, err := r.request(who, http.MethodPost, "/_matrix/media/v3/upload?filename="+url.QueryEscape(name), "application/octet-stream", data)
	if err != nil {
		return "", err
	}
	var out struct {
		URI string `json:"content_uri"`
	}
	return out.URI, json.Unmarshal(answer, &out)
}

func (r *real) seal(_, _, kind string, content any) (string, any, error) { return kind, content, nil }

func (r *real) attach(who, _, name string, data []byte) (object, error) {
	uri, err := r.upload(who, name, data)
	return object{"url": uri}, err
}

func (r *real) attached(e *matrixtest.Event) []byte {
	if uri := e.Text("url"); uri != "" {
		return r.file(uri)
	}
	return nil
}

// file downloads with alice's token (Client-Server API, GET
// /_matrix/client/v1/media/download).
func (r *real) file(uri string) []byte {
	data, err := r.request(mxid("alice"), http.MethodGet, "/_matrix/client/v1/media/download/"+strings.TrimPrefix(uri, "mxc://"), "", nil)
	if err != nil {
		return nil
	}
	return data
}

// request makes a request and returns the answer's body. The server is up while
// it runs.
func (r *real) request(who, method, path, kind string, body []byte) (_ []byte, err error) {
	r.life.RLock()
	defer r.life.RUnlock()
	req, err := http.NewRequest(method, r.server.URL()+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	token := r.main.ASToken
	if u := r.users[who]; u != nil {
		token = u.Client.AccessToken
	} else { // the bot is not the registration's sender
		req.URL.RawQuery = url.Values{"user_id": {who}}.Encode()
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", kind)
	req.Close = true // the server may be another process by the next one
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %.300s", method, path, resp.Status, answer)
	}
	return answer, err
}

func (r *real) pushed() (came string, waits int, all bool) { return "", 0, false }

func (r *real) late() bool { return r.name == dendriteHome }

func (r *real) close() error {
	for _, u := range r.users {
		u.Close()
	}
	var err error
	for _, g := range []*gate.Gate{r.in, r.out} {
		if g != nil {
			g.Close()
		}
	}
	if r.server != nil {
		err = r.server.Kill()
	}
	if r.srv != nil {
		err = errors.Join(err, r.srv.Close())
	}
	r.serves.Wait()
	if r.log != nil {
		err = errors.Join(err, r.log.Close())
	}
	return err
}
