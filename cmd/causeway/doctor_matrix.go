package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
)

// The names of the checks.
const (
	checkHomeserver = "homeserver"
	checkToken      = "as_token"
	checkWayBack    = "way back"
	checkNamespace  = "namespace"
	checkPuppets    = "double puppeting"
)

// matrix checks the homeserver, and how it and Causeway know each other.
func (d *doctor) matrix(ctx context.Context) {
	back := d.wayBack(ctx)
	defer back.close()
	ping := d.main.ID
	if back == nil && !d.running {
		ping = "" // nobody of ours would answer
	}
	hs, err := matrix.New(matrix.Options{
		URL: d.config.Homeserver.URL, Domain: d.config.Homeserver.Domain, ID: ping,
		ASToken: d.main.ASToken, HSToken: d.main.HSToken,
		Bot: d.config.Bot.Name, Prefix: d.config.Appservice.Prefix,
		Secret: d.config.Key.For(config.KeyMarks), State: &facts{known: map[string]string{}},
	})
	if err != nil {
		d.fail(checkHomeserver, err.Error(), "")
		return
	}
	within, cancel := context.WithTimeout(ctx, 2*checkTime)
	defer cancel()
	can, err := hs.Probe(within)
	problems := matrix.Problems(err)
	if !d.identity(hs, can, problems) {
		return
	}
	d.measureWayBack(ctx, hs, back, can, problems)
	d.namespace(ctx, hs, back)
	d.doublePuppeting(ctx)
	d.features(can)
}

// identity reports whether the homeserver answers and knows who Causeway is.
// False: nothing further can be asked.
func (d *doctor) identity(hs *matrix.Homeserver, can matrix.Capabilities, problems []*matrix.Error) bool {
	i := slices.IndexFunc(problems, func(e *matrix.Error) bool { return e.Op != opPing })
	if len(can.Versions) == 0 && i < 0 {
		d.fail(checkHomeserver, d.config.Homeserver.URL+" answers, but speaks no version of Matrix", "check homeserver.url: it must be the homeserver's client API")
		return false
	}
	if len(can.Versions) == 0 {
		d.fail(checkHomeserver, why(problems[i]), problems[i].Remedy)
		return false
	}
	what := can.Server
	if what == "" {
		what = d.config.Homeserver.URL
	}
	d.ok(checkHomeserver, fmt.Sprintf("%s, Matrix %s to %s", what, can.Versions[0], can.Versions[len(can.Versions)-1]))
	if i >= 0 {
		d.fail(checkToken, why(problems[i]), problems[i].Remedy)
		return false
	}
	d.ok(checkToken, "the homeserver knows it and lets Causeway act as "+string(hs.BotID()))
	return true
}

// opPing is matrix's name for the question whether the homeserver reaches us.
const opPing = "ping"

// measureWayBack finds out whether the homeserver reaches Causeway with the token of
// the registration: by its ping, or by asking it for an alias of ours that does
// not exist, which makes it ask us (Application Service API, "Querying").
func (d *doctor) measureWayBack(ctx context.Context, hs *matrix.Homeserver, back *wayBack, can matrix.Capabilities, problems []*matrix.Error) {
	address := d.config.Appservice.URL
	for _, e := range problems {
		if e.Op == opPing {
			d.fail(checkWayBack, why(e), e.Remedy)
			return
		}
	}
	switch {
	case !d.running && back == nil: // said already why nobody listens
	case can.Ping:
		d.ok(checkWayBack, "the homeserver reaches "+address+" and has our hs_token")
	case back == nil:
		d.skip(checkWayBack, "Causeway is running and this homeserver has no ping; stop Causeway to measure it here")
	default:
		d.canary(ctx, hs, back)
	}
}

func (d *doctor) canary(ctx context.Context, hs *matrix.Homeserver, back *wayBack) {
	within, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	name := d.nobody()
	_, err := hs.ResolveAlias(within, name)
	address := d.config.Appservice.URL
	switch {
	case back.asked("/rooms/", string(hs.RoomAlias(name))):
		d.ok(checkWayBack, "the homeserver reaches "+address+" and has our hs_token")
	case back.strangers():
		d.fail(checkWayBack, "the homeserver reaches "+address+" with a token that is not our hs_token",
			"install the registration file that this configuration belongs to, and restart the homeserver")
	case err == nil || matrix.KindOf(err) == matrix.NotFound || within.Err() != nil:
		d.fail(checkWayBack, "the homeserver does not come to "+d.config.Appservice.Listen+" when it should",
			"the url in the registration that the homeserver has must be an address of Causeway as the homeserver sees it, now "+address+
				"; look for firewalls and containers between the two, and restart the homeserver after installing a registration")
	default:
		d.fail(checkWayBack, why(err), "look at the homeserver's log")
	}
}

// nobody is a name in our namespace that nobody has.
func (d *doctor) nobody() string {
	return d.config.Appservice.Prefix + "doctor-" + strings.ToLower(rand.Text())
}

// namespace finds out, without making an account, whether the homeserver keeps
// our names for us: others are told so when they ask for one; else it asks us
// about a profile that it does not know.
func (d *doctor) namespace(ctx context.Context, hs *matrix.Homeserver, back *wayBack) {
	within, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	cli, err := mautrix.NewClient(d.config.Homeserver.URL, "", "")
	if err != nil {
		d.fail(checkNamespace, err.Error(), "")
		return
	}
	name := d.nobody()
	names := "@" + d.config.Appservice.Prefix + "*:" + d.config.Homeserver.Domain
	at := cli.BuildURLWithQuery(mautrix.ClientURLPath{"v3", "register", "available"}, map[string]string{"username": name})
	_, err = cli.MakeRequest(within, http.MethodGet, at, nil, nil)
	switch {
	case errors.Is(err, mautrix.MExclusive):
		d.ok(checkNamespace, "the homeserver keeps "+names+" for Causeway")
		return
	case err == nil:
		d.fail(checkNamespace, "the homeserver would give "+names+" to anybody",
			"its registration does not cover these names: run 'causeway registration update', install the file and restart the homeserver")
		return
	}
	person := id.NewUserID(name, d.config.Homeserver.Domain)
	if bot, err := hs.Client(hs.BotID()); err == nil && back != nil {
		_, _ = bot.GetProfile(within, person) // counts only if we are asked
	}
	if back.asked("/users/", string(person)) {
		d.ok(checkNamespace, "the homeserver asks Causeway about "+names)
		return
	}
	if d.tellsApart(within, person, id.NewUserID("not"+name, d.config.Homeserver.Domain)) {
		d.ok(checkNamespace, "the homeserver lets Causeway act as "+names)
		return
	}
	d.skip(checkNamespace, "this homeserver does not say whether "+names+" is ours")
}

// tellsApart reports whether the homeserver gives different reasons why Causeway
// cannot act as two users that do not exist: ours only has no account yet, the
// stranger is not ours either. Synapse does, where nobody can register.
func (d *doctor) tellsApart(ctx context.Context, ours, stranger id.UserID) bool {
	reason := func(user id.UserID) string {
		cli, err := mautrix.NewClient(d.config.Homeserver.URL, user, d.main.ASToken)
		if err != nil {
			return ""
		}
		cli.SetAppServiceUserID = true
		_, err = cli.Whoami(ctx)
		var answer mautrix.HTTPError
		if !errors.As(err, &answer) || answer.RespError == nil {
			return ""
		}
		return answer.RespError.ErrCode + strings.ReplaceAll(answer.RespError.Err, string(user), "")
	}
	a, b := reason(ours), reason(stranger)
	return a != "" && b != "" && a != b
}

// doublePuppeting checks the second token with an administrator's account.
func (d *doctor) doublePuppeting(ctx context.Context) {
	if d.config.Appservice.DoublePuppet == "" {
		d.skip(checkPuppets, "not configured; what people send from their phones appears as from a ghost")
		return
	}
	if d.puppet.ASToken == "" {
		return // said by registrations
	}
	admin := d.admin()
	cli, err := mautrix.NewClient(d.config.Homeserver.URL, admin, d.puppet.ASToken)
	if err != nil {
		d.fail(checkPuppets, err.Error(), "")
		return
	}
	cli.SetAppServiceUserID = admin != ""
	within, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	who, err := cli.Whoami(within)
	switch {
	case errors.Is(err, mautrix.MUnknownToken):
		d.fail(checkPuppets, why(err), "install "+d.config.Appservice.DoublePuppet+
			" beside the other registration and restart the homeserver, or take double_puppet out of the configuration")
	case err != nil && admin != "":
		d.fail(checkPuppets, "as "+string(admin)+": "+why(err), "if that is an account of this homeserver, run 'causeway registration update', install the file and restart the homeserver")
	case err != nil:
		d.fail(checkPuppets, why(err), "look at the homeserver's log")
	case admin != "" && who.UserID != admin:
		d.fail(checkPuppets, fmt.Sprintf("acting as %s makes us %s", admin, who.UserID), "run 'causeway registration update', install the file and restart the homeserver")
	case admin == "":
		d.ok(checkPuppets, "the homeserver knows its token")
	default:
		d.ok(checkPuppets, "the homeserver lets Causeway act as "+string(admin))
	}
}

// admin is the first administrator with an account on this homeserver, "" if
// there is none.
func (d *doctor) admin() id.UserID {
	for _, key := range slices.Sorted(maps.Keys(d.config.Permissions)) {
		u := id.UserID(key)
		if d.config.Permissions[key] == config.LevelAdmin && strings.HasPrefix(key, "@") && u.Homeserver() == d.config.Homeserver.Domain {
			return u
		}
	}
	return ""
}

// why is an error of the homeserver in the words of the homeserver.
func why(err error) string {
	var e mautrix.HTTPError
	var u *url.Error
	var m *matrix.Error
	switch {
	case errors.As(err, &e) && e.RespError != nil && e.RespError.Err != "":
		return fmt.Sprintf("the homeserver says %q (%s)", e.RespError.Err, e.RespError.ErrCode)
	case errors.As(err, &e) && e.Response != nil:
		return "the homeserver answers with status " + e.Response.Status
	case errors.As(err, &u):
		return u.Err.Error()
	case errors.As(err, &m) && m.Err == nil && m.User != "":
		return m.User
	case errors.As(err, &m) && m.Err != nil:
		return m.Err.Error()
	}
	return err.Error()
}

// facts are what matrix remembers about the homeserver, for the time of a check.
type facts struct {
	mu    sync.Mutex // guards known
	known map[string]string
}

// Fact implements matrix.State.
func (f *facts) Fact(_ context.Context, key string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.known[key], nil
}

// SetFact implements matrix.State.
func (f *facts) SetFact(_ context.Context, key, value string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known[key] = value
	return nil
}

// Learn implements matrix.State.
func (f *facts) Learn(ctx context.Context, key, value string) error {
	return f.SetFact(ctx, key, value)
}

var _ matrix.State = (*facts)(nil)

// listenTime is how long a temporary listener gets to finish what it answers.
const listenTime = 2 * time.Second
