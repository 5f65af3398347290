package slackfake_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// TestHook: events over HTTP are signed and come again, as slack-go understands it.
func TestHook(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	app := r.AddApp(slackfake.App{Name: "Hooked", SigningSecret: "hush"})
	bot := r.Install(app, "")
	r.Join(r.general, bot.User, "")
	r.ok(r.Wait(r.ctx, func() bool { return r.Pending(app) > 0 }))
	r.Forget(app)
	type seen struct{ text, try, reason string }
	got := make(chan seen, 100)
	var came atomic.Int32
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body) // a short one has no valid signature
		v, err := slack.NewSecretsVerifier(q.Header, "hush")
		if err == nil {
			_, _ = v.Write(body) // a hash
			err = v.Ensure()
		}
		if err != nil {
			t.Errorf("signature: %v", err)
		}
		ev, err := slackevents.ParseEvent(json.RawMessage(body), slackevents.OptionNoVerifyToken())
		if err != nil {
			t.Errorf("parse: %v", err)
		}
		if ev.Type == slackevents.URLVerification {
			_ = json.NewEncoder(w).Encode(map[string]string{"challenge": ev.Data.(*slackevents.EventsAPIURLVerificationEvent).Challenge})
			return
		}
		m := ev.InnerEvent.Data.(*slackevents.MessageEvent)
		got <- seen{m.Text, q.Header.Get("X-Slack-Retry-Num"), q.Header.Get("X-Slack-Retry-Reason")}
		if came.Add(1) <= 2 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer hook.Close()
	if err := r.Subscribe(r.ctx, app, hook.URL+"/404/%zz"); err == nil {
		t.Error("a bad URL is verified")
	}
	r.ok(r.Subscribe(r.ctx, app, hook.URL))
	r.Say(r.general, r.alice, "by HTTP")
	for _, want := range []seen{{"by HTTP", "", ""}, {"by HTTP", "1", "http_error"}, {"by HTTP", "2", "http_error"}} {
		select {
		case one := <-got:
			if one != want {
				t.Errorf("%+v, want %+v", one, want)
			}
		case <-r.ctx.Done():
			t.Fatal("nothing came")
		}
	}
	r.ok(r.Wait(r.ctx, func() bool { return r.Pending(app) == 0 && len(r.Acks(app)) == 1 }))
}

func TestOAuth(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	app := r.AddApp(slackfake.App{ClientID: "1.2", ClientSecret: "hush", RedirectURLs: []string{"https://bridge.example/"}})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	const back = "https://bridge.example/slack"
	visit := func(q url.Values) (status int, to url.Values) {
		t.Helper()
		res, err := client.Get(r.URL() + "/oauth/v2/authorize?" + q.Encode())
		r.ok(err)
		_, err = io.Copy(io.Discard, res.Body)
		r.ok(err)
		r.ok(res.Body.Close())
		at, err := url.Parse(res.Header.Get("Location"))
		r.ok(err)
		return res.StatusCode, at.Query()
	}
	ask := url.Values{"client_id": {"1.2"}, "scope": {"chat:write,users:read"}, "user_scope": {"chat:write"}, "redirect_uri": {back}, "state": {"s1"}}
	if status, _ := visit(ask); status != http.StatusOK {
		t.Errorf("nobody signed in: %d", status)
	}
	r.SignIn(r.alice)
	r.Decline(true)
	if _, to := visit(ask); to.Get("error") != "access_denied" || to.Get("state") != "s1" {
		t.Errorf("%v", to)
	}
	r.Decline(false)
	status, to := visit(ask)
	if status != http.StatusFound || to.Get("state") != "s1" {
		t.Fatalf("%d %v", status, to)
	}
	wrong := url.Values{}
	for k, v := range ask {
		wrong[k] = v
	}
	wrong.Set("redirect_uri", "https://evil.example/")
	if status, _ := visit(wrong); status != http.StatusOK {
		t.Errorf("another redirect_uri: %d", status)
	}
	api := slack.OAuthOptionAPIURL(r.APIURL())
	_, err := slack.GetOAuthV2ResponseContext(r.ctx, http.DefaultClient, "1.2", "wrong", to.Get("code"), back, api)
	r.fails(err, "bad_client_secret")
	got, err := slack.GetOAuthV2ResponseContext(r.ctx, http.DefaultClient, "1.2", "hush", to.Get("code"), back, api)
	r.ok(err)
	if got.AppID != app || got.AuthedUser.ID != r.alice || got.Scope != "chat:write,users:read" || got.Team.ID != r.bot.Team {
		t.Errorf("%+v", got)
	}
	for _, token := range []string{got.AccessToken, got.AuthedUser.AccessToken} {
		who, err := r.client(token).AuthTestContext(r.ctx)
		r.ok(err)
		if !slices.Contains([]string{r.alice, got.BotUserID}, who.UserID) {
			t.Errorf("%+v", who)
		}
	}
	_, err = slack.GetOAuthV2ResponseContext(r.ctx, http.DefaultClient, "1.2", "hush", to.Get("code"), back, api)
	r.fails(err, "invalid_code")
}
