package matrix

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/turns"
)

// Options say which homeserver and who we are there. URL, Domain, ASToken,
// Bot, Prefix, Secret and State are required.
type Options struct {
	URL     string // base URL of the Client-Server API
	Domain  string // server name, the part behind the colon of user IDs
	ID      string // the registration's id; "" leaves out the ping in Probe
	ASToken string
	HSToken string
	Bot     string // localpart of the bot; it has to be in the namespace
	Prefix  string // localpart prefix of ghosts and aliases, "_cw_"
	// Secret is the key of marks and aliases. It has to stay the same for
	// ever: with another one earlier sends are not recognised.
	Secret []byte
	State  State
	Log    *slog.Logger // default: none
	// Transport replaces the one connection pool that all requests share.
	Transport http.RoundTripper
	SpoolDir  string // default: a folder in os.TempDir
	SpoolMax  int64  // bytes that all spooled files together may take; default 4 GiB
	// DoublePuppetToken is the as_token of the second registration, whose
	// namespace is the whole domain; "" if the administrator declined it.
	DoublePuppetToken string
}

// State keeps facts about the homeserver that save requests: small strings by
// small keys. Keys begin with "reg ", "join ", "name ", "avatar " or "puppet ".
// It is asked before most sends, so the implementation caches. It is called
// concurrently.
type State interface {
	// Fact is the value of key, "" if there is none.
	Fact(ctx context.Context, key string) (string, error)
	// SetFact stores value durably; "" deletes.
	SetFact(ctx context.Context, key, value string) error
	// Learn is SetFact for a value that the homeserver has just confirmed: if a
	// crash loses it, it is asked again.
	Learn(ctx context.Context, key, value string) error
}

// A Homeserver is our side of one homeserver. Its methods are safe for
// concurrent use, and all but those of identifiers return an [*Error].
type Homeserver struct {
	opts    Options
	base    *url.URL
	http    *http.Client
	log     *slog.Logger
	own     *http.Transport // nil if Options.Transport was given
	locks   turns.Turns[string]
	circuit circuit
	spool   *Spool
	server  serverCache
	puppets puppetCache

	encrypter Encrypter // nil: nothing is encrypted
}

// New checks the options. It makes no request: Probe does.
func New(o Options) (*Homeserver, error) {
	base, err := checkOptions(o)
	if err != nil {
		return nil, err
	}
	h := &Homeserver{opts: o, base: base, log: o.Log}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	transport := o.Transport
	if transport == nil {
		h.own = newTransport()
		transport = h.own
	}
	h.http = &http.Client{
		Transport: transport,
		// A homeserver's API does not redirect; a proxy that does would get
		// our token at another place, and turn a PUT into a GET.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	h.spool = newSpool(o.SpoolDir, o.SpoolMax)
	h.circuit.init()
	return h, nil
}

func checkOptions(o Options) (*url.URL, error) {
	for _, f := range []struct{ name, value string }{
		{"URL", o.URL}, {"Domain", o.Domain}, {"ASToken", o.ASToken}, {"Bot", o.Bot}, {"Prefix", o.Prefix},
	} {
		if f.value == "" {
			return nil, fmt.Errorf("matrix options: %s is missing", f.name)
		}
	}
	if len(o.Secret) == 0 || o.State == nil {
		return nil, errors.New("matrix options: Secret or State is missing")
	}
	if escape(o.Prefix, "_") != o.Prefix || escape(o.Bot, "_=/") != o.Bot {
		return nil, errors.New("matrix options: Prefix and Bot may hold a-z, 0-9, . - + and _ only")
	}
	base, err := mautrix.ParseAndNormalizeBaseURL(o.URL)
	if err != nil {
		return nil, fmt.Errorf("matrix options: URL: %w", err)
	}
	if base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("matrix options: URL %q is not an http or https URL", o.URL)
	}
	return base, nil
}

// newTransport is the one pool of connections. All requests go to one host, so
// the usual two idle connections per host would mean a handshake per message.
func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 128, 128
	t.IdleConnTimeout = 90 * time.Second
	return t
}

// Run clears the spool of what an earlier process left, probes the homeserver
// while the circuit is open and returns when ctx is done. It is called once.
// Without it an open circuit stays open.
func (h *Homeserver) Run(ctx context.Context) error {
	if err := h.spool.clean(time.Now()); err != nil {
		h.log.Warn("clean spool", "dir", h.spool.dir, "err", err)
	}
	h.watch(ctx)
	if h.own != nil {
		h.own.CloseIdleConnections()
	}
	return ctx.Err()
}

// Spool is where media waits whose size or hash is needed before it is sent.
func (h *Homeserver) Spool() *Spool { return h.spool }

// fact reads one fact.
func (h *Homeserver) fact(ctx context.Context, key string) (string, error) {
	v, err := h.opts.State.Fact(ctx, key)
	if err != nil {
		return "", &Error{Op: "read facts", Err: err}
	}
	return v, nil
}

// setFact stores one fact, or deletes it. Only that something is not so any more
// is waited for: to find it out again takes a refusal.
func (h *Homeserver) setFact(ctx context.Context, key, value string) error {
	store := h.opts.State.Learn
	if value == "" {
		store = h.opts.State.SetFact
	}
	if err := store(ctx, key, value); err != nil {
		return &Error{Op: "store facts", Err: err}
	}
	return nil
}

// lock waits for the turn at what key names, and returns what ends it.
func (h *Homeserver) lock(ctx context.Context, key string) (func(), error) {
	done, err := h.locks.Take(ctx, key)
	if err != nil {
		return nil, &Error{Kind: Unsure, Op: "wait for " + firstWord(key), Err: err}
	}
	return done, nil
}

func firstWord(s string) string {
	w, _, _ := strings.Cut(s, " ")
	return w
}

// local reports whether u is an account of our homeserver.
func (h *Homeserver) local(u id.UserID) bool { return u.Homeserver() == h.opts.Domain }
