package homeserver

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
)

// superuser is the account that may lift limits. It is in no room.
const superuser = "testbed"

// errUserInUse: an account is there already.
var errUserInUse = errors.New("M_USER_IN_USE")

// users makes the accounts that are missing, and lifts Synapse's limits for them:
// people in tests write faster than people (Synapse's admin API, "Override
// ratelimiting for users"; 0 is no limit).
func (c *synapseConfig) users(ctx context.Context, base string, list []User) error {
	a := adminAPI{base: base, secret: c.secret}
	tokenFile := filepath.Join(c.dir, "superuser.token")
	token, err := os.ReadFile(tokenFile)
	if errors.Is(err, fs.ErrNotExist) {
		var fresh string
		if fresh, err = a.register(ctx, User{superuser, rand.Text()}, true); err == nil {
			token, err = []byte(fresh), os.WriteFile(tokenFile, []byte(fresh), 0o600)
		}
	}
	if err != nil {
		return fmt.Errorf("make the account %s: %w", superuser, err)
	}
	a.token = string(token)
	for _, u := range list {
		switch _, err := a.register(ctx, u, false); {
		case errors.Is(err, errUserInUse):
			continue
		case err != nil:
			return fmt.Errorf("make the account %s: %w", u.Name, err)
		}
		limits := map[string]int{"messages_per_second": 0, "burst_count": 0}
		path := "/_synapse/admin/v1/users/" + url.PathEscape("@"+u.Name+":"+c.name) + "/override_ratelimit"
		if err := a.do(ctx, http.MethodPost, path, limits, nil); err != nil {
			return fmt.Errorf("lift the limits of %s: %w", u.Name, err)
		}
	}
	return nil
}

// adminAPI is what only administrators of a Synapse can do.
type adminAPI struct{ base, secret, token string }

// register makes an account and returns an access token for it ("Register a user
// with shared secret").
func (a adminAPI) register(ctx context.Context, u User, admin bool) (string, error) {
	const path = "/_synapse/admin/v1/register"
	var nonce struct{ Nonce string }
	if err := a.do(ctx, http.MethodGet, path, nil, &nonce); err != nil {
		return "", err
	}
	role := "notadmin"
	if admin {
		role = "admin"
	}
	mac := hmac.New(sha1.New, []byte(a.secret))
	fmt.Fprintf(mac, "%s\x00%s\x00%s\x00%s", nonce.Nonce, u.Name, u.Password, role)
	var session struct {
		AccessToken string `json:"access_token"`
	}
	err := a.do(ctx, http.MethodPost, path, map[string]any{
		"nonce": nonce.Nonce, "username": u.Name, "password": u.Password, "admin": admin, "mac": hex.EncodeToString(mac.Sum(nil)),
	}, &session)
	return session.AccessToken, err
}

// do sends in and reads the answer into out, each if it is not nil.
func (a adminAPI) do(ctx context.Context, method, path string, in, out any) (err error) {
	var body []byte
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Close = true
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode == http.StatusOK {
		if out == nil {
			return nil
		}
		return json.NewDecoder(resp.Body).Decode(out)
	}
	var problem struct{ Errcode, Error string }
	_ = json.NewDecoder(resp.Body).Decode(&problem) // the status says enough
	if problem.Errcode == errUserInUse.Error() {
		return errUserInUse
	}
	return fmt.Errorf("%s %s: %s: %s %s", method, path, resp.Status, problem.Errcode, problem.Error)
}
