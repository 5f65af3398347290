package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// maxPublic bounds a picture from somebody's own server, in bytes.
const maxPublic = 20 << 20

// errInside is that an address is not one of the public net.
var errInside = errors.New("not a public address")

// fetchPublic fetches what lies open on the net, without credentials. Strangers
// choose these addresses, so none inside of our own net is asked.
func (c *Connector) fetchPublic(ctx context.Context, acc *account, u *url.URL) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	trans := &http.Transport{DialContext: dialPublic, DisableKeepAlives: true, ResponseHeaderTimeout: 30 * time.Second, TLSHandshakeTimeout: 15 * time.Second}
	client := &http.Client{Transport: trans}
	if isSlack(acc.base, u) {
		trans.DialContext, client.CheckRedirect = nil, withinSlack(acc.base) // the API's own host may be anywhere
	}
	resp, err := client.Do(r)
	if errors.Is(err, errInside) {
		return nil, network.Errorf(network.Rejected, "this picture is not on the public net", "fetch: %w", err)
	}
	if err != nil {
		return nil, network.Errorf(network.Rejected, "this picture cannot be fetched", "fetch: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close() // it is of no use
		return nil, network.Errorf(network.Rejected, "this picture cannot be fetched", "fetch: %s", resp.Status)
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxPublic), resp.Body}, nil
}

// dialPublic connects to public addresses only. The address is checked after it was
// looked up, so a name cannot point inside.
func dialPublic(ctx context.Context, netw, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	last := errInside
	for _, ip := range ips {
		if !isPublic(ip.Unmap()) {
			continue
		}
		d := net.Dialer{Timeout: 15 * time.Second}
		conn, err := d.DialContext(ctx, netw, net.JoinHostPort(ip.String(), port))
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, last
}

// isPublic reports whether an address is one of the public net.
func isPublic(ip netip.Addr) bool {
	if !ip.IsValid() || !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, inside := range []string{"100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4", "64:ff9b::/96", "2002::/16"} {
		if netip.MustParsePrefix(inside).Contains(ip) {
			return false
		}
	}
	return true
}
