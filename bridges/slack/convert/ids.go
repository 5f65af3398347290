package convert

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A TS is the ID of a message in its channel and the time of it: seconds, a
// point, and six digits ("1355517523.000005").
type TS string

// ID is the message's ID.
func (t TS) ID() network.MessageID { return network.MessageID(t) }

// Valid reports whether t is of the form that Slack gives.
func (t TS) Valid() bool {
	secs, frac, ok := strings.Cut(string(t), ".")
	return ok && secs != "" && len(secs) <= 11 && len(frac) == 6 && digits(secs) && digits(frac)
}

// Order is t in microseconds, for comparing and for network.Head.Order; 0 if t is
// not valid.
func (t TS) Order() int64 {
	if !t.Valid() {
		return 0
	}
	n, err := strconv.ParseInt(strings.Replace(string(t), ".", "", 1), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Time is when the message was sent; zero if t is not valid.
func (t TS) Time() time.Time {
	if n := t.Order(); n > 0 {
		return time.UnixMicro(n).UTC()
	}
	return time.Time{}
}

// Compare is -1 if t is before u, 1 if it is after u, and 0 if they are one.
func (t TS) Compare(u TS) int {
	a, b := t.Order(), u.Order()
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return strings.Compare(string(t), string(u))
}

// At is the TS of a time, for asking Slack for what is before or after it.
func At(t time.Time) TS {
	n := max(t.UnixMicro(), 0)
	return TS(fmt.Sprintf("%d.%06d", n/1_000_000, n%1_000_000))
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// A MessageLink names a message of Slack, or a channel.
type MessageLink struct {
	Host    string // "acme.slack.com"
	Channel string
	TS      TS // empty: the channel is meant
	Thread  TS // the message its thread began with; empty outside of threads
}

// ParseMessageLink reads the address that Slack gives a message,
// https://acme.slack.com/archives/C012AB3CD/p1355517523000005, with thread_ts and
// cid in its query if the message is in a thread, or a channel:
// https://acme.slack.com/archives/C012AB3CD.
func ParseMessageLink(address string) (MessageLink, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return MessageLink{}, false
	}
	host := strings.ToLower(u.Hostname())
	path := strings.Split(strings.Trim(u.Path, "/"), "/")
	if !strings.HasSuffix(host, ".slack.com") && !strings.HasSuffix(host, ".slack-gov.com") || path[0] != "archives" {
		return MessageLink{}, false
	}
	if len(path) < 2 || len(path) > 3 || !isID(path[1]) {
		return MessageLink{}, false
	}
	l := MessageLink{Host: host, Channel: path[1]}
	if len(path) == 2 {
		return l, true
	}
	var ok bool
	if l.TS, ok = linkTS(path[2]); !ok {
		return MessageLink{}, false
	}
	if thread := TS(u.Query().Get("thread_ts")); thread.Valid() {
		l.Thread = thread
	}
	return l, true
}

// linkTS reads "p1355517523000005".
func linkTS(s string) (TS, bool) {
	s, ok := strings.CutPrefix(s, "p")
	if !ok || len(s) < 7 || !digits(s) {
		return "", false
	}
	ts := TS(s[:len(s)-6] + "." + s[len(s)-6:])
	return ts, ts.Valid()
}

// String is the link's address.
func (l MessageLink) String() string {
	s := "https://" + l.Host + "/archives/" + l.Channel
	if l.TS == "" {
		return s
	}
	s += "/p" + strings.Replace(string(l.TS), ".", "", 1)
	if l.Thread != "" && l.Thread != l.TS {
		s += "?thread_ts=" + string(l.Thread) + "&cid=" + l.Channel
	}
	return s
}

// isID reports whether s looks like one of Slack's IDs.
func isID(s string) bool {
	if len(s) < 2 || len(s) > 40 {
		return false
	}
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}
