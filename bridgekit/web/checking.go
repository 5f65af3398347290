package web

import (
	"context"
	"net"
	"net/http"
	"time"
)

// checkingHeader marks the answers of a listener that is there for a check only.
const checkingHeader = "Causeway-Checking"

// Checking is h on a listener that stands in Causeway's place for a moment, to see
// whether others reach it there.
func Checking(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(checkingHeader, "true")
		h.ServeHTTP(w, r)
	})
}

// IsChecking reports whether such a listener has an address of this machine, host:port
// as one listens on it. Who starts meanwhile waits for its end.
func IsChecking(ctx context.Context, address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/", nil)
	if err != nil {
		return false
	}
	req.Close = true
	resp, err := (&http.Client{Transport: &http.Transport{}}).Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }() // it was not read
	return resp.Header.Get(checkingHeader) != ""
}
