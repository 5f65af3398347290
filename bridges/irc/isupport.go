package irc

import (
	"strconv"
	"strings"
)

// isupport is what the server says about itself in RPL_ISUPPORT (005).
type isupport struct {
	casemap  casemap
	chans    string // CHANTYPES
	modes    string // PREFIX, the letters, the highest first: "ov"
	signs    string // PREFIX, the signs: "@+"
	status   string // STATUSMSG
	network  string
	nickLen  int
	lineLen  int
	topicLen int
	history  int  // CHATHISTORY: messages at once, 0 without limit
	msgids   bool // MSGREFTYPES has msgid
	elist    string
	listArgs string // CHANMODES A and B: letters that always take an argument
	setArgs  string // CHANMODES C: letters that take an argument when set
	maxJoin  int    // TARGMAX JOIN: channels in one JOIN, 0 for any number
}

func newISupport() isupport {
	return isupport{
		casemap: rfc1459, chans: "#&", modes: "ov", signs: "@+", lineLen: 512, topicLen: 300,
		listArgs: "beIk", setArgs: "l",
	}
}

// take reads the tokens of one line.
func (s *isupport) take(tokens []string) {
	for _, token := range tokens {
		key, value, _ := strings.Cut(token, "=")
		value = unescape(value)
		switch key {
		case "CASEMAPPING":
			s.casemap = casemap(strings.ToLower(value))
		case "CHANTYPES":
			s.chans = value
		case "PREFIX":
			modes, signs, ok := strings.Cut(strings.TrimPrefix(value, "("), ")")
			if ok && len(modes) == len(signs) {
				s.modes, s.signs = modes, signs
			}
		case "STATUSMSG":
			s.status = value
		case "NETWORK":
			s.network = value
		case "NICKLEN":
			s.nickLen, _ = strconv.Atoi(value)
		case "TOPICLEN":
			number(&s.topicLen, value)
		case "LINELEN":
			number(&s.lineLen, value)
		case "CHATHISTORY", "draft/CHATHISTORY":
			s.history, _ = strconv.Atoi(value)
		case "MSGREFTYPES":
			s.msgids = strings.Contains(value, "msgid")
		case "ELIST":
			s.elist = strings.ToUpper(value)
		case "TARGMAX":
			for _, one := range strings.Split(value, ",") {
				if n, ok := strings.CutPrefix(one, "JOIN:"); ok {
					s.maxJoin, _ = strconv.Atoi(n)
				}
			}
		case "CHANMODES":
			if f := strings.Split(value, ","); len(f) >= 4 {
				s.listArgs, s.setArgs = f[0]+f[1], f[2]
			}
		}
	}
	s.lineLen = max(s.lineLen, 512)
}

// number sets p if value is a number above zero.
func number(p *int, value string) {
	if n, err := strconv.Atoi(value); err == nil && n > 0 {
		*p = n
	}
}

// unescape reads "\x20" in a value.
func unescape(value string) string {
	for i := 0; i+3 < len(value); i++ {
		if value[i] == '\\' && value[i+1] == 'x' {
			if n, err := strconv.ParseUint(value[i+2:i+4], 16, 8); err == nil {
				value = value[:i] + string(rune(n)) + value[i+4:]
			}
		}
	}
	return value
}

// channel reports whether a target is a channel.
func (s *isupport) channel(name string) bool {
	return name != "" && strings.IndexByte(s.chans, name[0]) >= 0
}

// level is the Matrix power level of a member with these signs ("@+").
func (s *isupport) level(signs string) int {
	best := 0
	for i, sign := range []byte(s.signs) {
		if strings.IndexByte(signs, sign) < 0 {
			continue
		}
		switch s.modes[i] {
		case 'q', 'y', 'Y':
			best = max(best, 90)
		case 'a':
			best = max(best, 75)
		case 'o':
			best = max(best, 50)
		case 'h':
			best = max(best, 40)
		case 'v':
			best = max(best, 10)
		}
	}
	return best
}
