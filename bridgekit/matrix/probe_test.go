package matrix

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	mt "github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

func TestProbe(t *testing.T) {
	var pinged []string
	in := &Intake{HSToken: "hs", OnPing: func(txn string) { pinged = append(pinged, txn) }}
	w := newWorldWith(t, mt.Options{MaxUpload: 7 << 20}, in.Handler())
	w.opts.ID = "causeway"
	w.h = w.restart()
	c, err := w.h.Probe(t.Context())
	w.must(err)
	if !c.Ping || !c.AuthMedia || !c.AsyncMedia || c.MaxUpload != 7<<20 || c.DefaultRoomVersion != "11" || !slices.Contains(c.Versions, "v1.11") || c.RoomVersions["11"] != "stable" {
		t.Errorf("capabilities %+v", c)
	}
	if len(pinged) != 1 || pinged[0] == "" {
		t.Errorf("pings: %q", pinged)
	}
	if !slices.Contains(w.hs.Users(), string(w.h.BotID())) {
		t.Error("the bot was not registered")
	}
	w.counts()
	if _, err := w.h.MaxUpload(t.Context()); err != nil || total(w.counts()) != 0 {
		t.Error("what Probe learnt is asked again")
	}
}

// TestProbeSynapse: it does not say its name where it serves no federation.
func TestProbeSynapse(t *testing.T) {
	w := newWorld(t, mt.Options{Unstable: []string{synapseFeature}})
	c, err := w.h.Probe(t.Context())
	w.must(err)
	if c.Server != "Synapse" || !c.Ephemeral {
		t.Errorf("capabilities %+v", c)
	}
	if loses, err := w.h.LosesPushes(t.Context()); err != nil || !loses {
		t.Errorf("loses pushes: %v, %v", loses, err)
	}
}

func TestProbeDendrite(t *testing.T) {
	w := newWorld(t, mt.Options{Flavor: mt.Dendrite})
	w.opts.ID = "causeway"
	c, err := w.restart().Probe(t.Context())
	w.must(err)
	if c.Ping || c.Ephemeral || c.AuthMedia || c.AsyncMedia || c.MSC4190 {
		t.Errorf("capabilities %+v", c)
	}
}

// Each mistake of an administrator has a remedy of its own.
func TestProbeProblems(t *testing.T) {
	for name, c := range map[string]struct {
		break_  func(w *world)
		kind    Kind
		remedy  string
		listens http.Handler
	}{
		"server away":      {func(w *world) { w.hs.Faults.Down(mt.Refusing) }, Down, "homeserver.url", nil},
		"wrong token":      {func(w *world) { w.opts.ASToken = "wrong" }, Auth, "registration file", nil},
		"wrong domain":     {func(w *world) { w.opts.Domain = "example.org" }, Auth, "homeserver.domain to test", nil},
		"bot not covered":  {func(w *world) { w.opts.Bot = "bot" }, NotAllowed, "namespace", nil},
		"second token":     {func(w *world) { w.opts.DoublePuppetToken = "wrong" }, Auth, "second file", nil},
		"no url":           {func(w *world) { w.opts.ID = "puppets" }, NotAllowed, "another id", nil},
		"not listening":    {func(w *world) { w.opts.ID = "causeway"; w.hs.Attach("causeway", nil) }, Server, "cannot connect", http.NotFoundHandler()},
		"wrong hs_token":   {func(w *world) { w.opts.ID = "causeway" }, Server, "hs_token", (&Intake{HSToken: "x"}).Handler()},
		"url is null":      {func(w *world) { w.opts.ID = "causeway" }, Unknown, "has no url", nil},
		"URL redirects":    {func(w *world) { w.opts.Transport = redirecting{} }, Unknown, "redirects", nil},
		"media cfg broken": {func(w *world) { w.failAll(mt.RouteMediaConfig, mt.Fault{Status: 500}) }, Server, "log", nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldWith(t, mt.Options{}, c.listens)
			c.break_(w)
			_, err := w.restart().Probe(t.Context())
			problems := Problems(err)
			if len(problems) != 1 || problems[0].Kind != c.kind || !strings.Contains(problems[0].Remedy, c.remedy) {
				t.Fatalf("problems of %v: kind %v, remedy %q", err, KindOf(err), remedies(problems))
			}
		})
	}
}

func remedies(all []*Error) (out []string) {
	for _, e := range all {
		out = append(out, e.Remedy)
	}
	return out
}

type redirecting struct{}

func (redirecting) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {"https://elsewhere/"}}, Body: http.NoBody, Request: r}, nil
}

func TestProblems(t *testing.T) {
	w := newWorld(t, mt.Options{})
	w.opts.ID, w.opts.DoublePuppetToken = "causeway", "wrong"
	_, err := w.restart().Probe(t.Context())
	if got := Problems(err); len(got) != 2 {
		t.Errorf("problems: %v", got)
	}
	if Problems(nil) != nil || len(Problems(errTest)) != 1 {
		t.Error("Problems of other errors")
	}
}
