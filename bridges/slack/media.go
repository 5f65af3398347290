package slack

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// avatar is a picture that lies open on the net.
func avatar(address string) *network.Media {
	return &network.Media{Kind: network.Image, Ref: []byte(jsonText(convert.FileRef{URL: address, Public: true}))}
}

// OpenMedia implements network.MediaOpener.
func (c *Client) OpenMedia(ctx context.Context, m network.Media) (io.ReadCloser, error) {
	acc, err := c.account(ctx)
	if err != nil {
		return nil, err
	}
	ref, err := convert.ParseFileRef(m.Ref)
	if err != nil || ref.URL == "" && ref.ID == "" {
		return nil, network.Errorf(network.Rejected, "there is no such file", "open media: %v", err)
	}
	if !ref.Public && !acc.may("files:read") { // else a canvas would be the page for signing in
		return nil, network.Errorf(network.Rejected, scopeWords("files:read"), "open media: no scope")
	}
	if ref.URL == "" {
		if ref.URL, err = fileURL(ctx, acc, ref.ID); err != nil {
			return nil, err
		}
	}
	u, err := url.Parse(ref.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, network.Errorf(network.Rejected, "there is no such file", "open media: no URL")
	}
	if ref.Public {
		return c.conn.fetchPublic(ctx, acc, u)
	}
	if !isSlack(acc.base, u) {
		return nil, network.Errorf(network.Rejected, "this file is not on Slack", "open media: a strange host")
	}
	return acc.download(ctx, u, m.MIME)
}

// fileURL asks where a file's bytes are.
func fileURL(ctx context.Context, acc *account, id string) (string, error) {
	var out struct {
		File struct {
			Private  string `json:"url_private"`
			Download string `json:"url_private_download"`
		} `json:"file"`
	}
	if err := acc.call(ctx, "files.info", url.Values{"file": {id}}, &out); err != nil {
		return "", err
	}
	found := firstOf(out.File.Download, out.File.Private)
	if found == "" {
		return "", network.Errorf(network.Rejected, "this file is not on Slack any more", "files.info: no URL")
	}
	return found, nil
}

// download fetches a file of Slack's. Who may not have it gets a page to sign in
// instead, with status 200.
func (a *api) download(ctx context.Context, u *url.URL, want string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("download: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+a.cred.Token)
	resp, err := a.http.Do(r)
	if err != nil {
		return nil, inWords(err, "download")
	}
	got, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	asked, _, _ := mime.ParseMediaType(want)
	signIn := resp.Request != nil && (strings.Contains(resp.Request.URL.RawQuery, "redir=") || resp.Request.URL.Path != u.Path && got == "text/html")
	var problem error
	switch {
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		problem = network.Errorf(network.Rejected, "this file is not on Slack any more", "download: %s", resp.Status)
	case resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusUnauthorized || signIn || got == "text/html" && asked != "text/html":
		problem = network.Errorf(network.Rejected, "this login may not read the file: is the scope files:read there?", "download: %s, %s", resp.Status, got)
	case resp.StatusCode == http.StatusTooManyRequests:
		problem = &network.Error{Kind: network.RateLimited, Wait: retryAfter(resp.Header), User: "Slack asks to wait", Err: fmt.Errorf("download: %s", resp.Status)}
	case resp.StatusCode/100 == 3: // to elsewhere, see withinSlack
		problem = network.Errorf(network.Rejected, "this file is not on Slack", "download: %s", resp.Status)
	case resp.StatusCode != http.StatusOK:
		problem = network.Errorf(network.Unavailable, "Slack did not give the file", "download: %s", resp.Status)
	}
	if problem == nil {
		return resp.Body, nil
	}
	_ = resp.Body.Close() // it is of no use
	if network.KindOf(problem) == network.Rejected {
		if _, err := a.whoami(ctx); network.KindOf(err) == network.LoggedOut { // it may have the file when it is back
			return nil, err
		}
	}
	return nil, problem
}
