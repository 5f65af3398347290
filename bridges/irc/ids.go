package irc

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A casemap is the server's CASEMAPPING, which says what names are the same.
// IDs are stored for years: how they are formed never changes.
type casemap string

const (
	rfc1459       casemap = "rfc1459" // the default: {}|~ are the lower case of []\^
	strictRFC1459 casemap = "strict-rfc1459"
	ascii         casemap = "ascii"
)

// fold is the form of a name in which it is compared and stored.
func (c casemap) fold(name string) string {
	switch c {
	case ascii:
		return strings.Map(lowerASCII, name)
	case rfc1459, strictRFC1459, "":
		return strings.Map(func(r rune) rune {
			switch {
			case r == '[' || r == ']' || r == '\\':
				return r + 32
			case r == '^' && c != strictRFC1459:
				return '~'
			}
			return lowerASCII(r)
		}, name)
	}
	return strings.ToLower(name) // rfc7613 and relatives
}

func lowerASCII(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + 32
	}
	return r
}

func (c casemap) chat(name string) network.ChatID { return network.ChatID(c.fold(name)) }
func (c casemap) user(nick string) network.UserID { return network.UserID(c.fold(nick)) }

// checkNick says what is wrong with a nick. What passes cannot be taken for
// another parameter, a channel, several targets or a mask.
func checkNick(nick string) error {
	switch {
	case nick == "":
		return fmt.Errorf("a nick cannot be empty")
	case len(nick) > 128 || !utf8.ValidString(nick) || strings.ContainsFunc(nick, notPrintable) || strings.ContainsAny(nick, " ,*?!@:#&"):
		return fmt.Errorf("%.40q is not a nick: use letters, digits and []\\`_^{|}-", nick)
	case nick[0] == '-' || nick[0] >= '0' && nick[0] <= '9' || strings.IndexByte("~+%$.", nick[0]) >= 0:
		return fmt.Errorf("%.40q is not a nick: begin with a letter", nick)
	}
	return nil
}

// checkChannel says what is wrong with the name of a channel; types are the
// signs that begin one on this server, "" for the usual ones.
func checkChannel(name, types string) error {
	if types == "" {
		types = "#&!+"
	}
	switch {
	case name == "" || strings.IndexByte(types, name[0]) < 0:
		return fmt.Errorf("%.40q is not a channel: its name begins with #", name)
	case len(name) < 2 || len(name) > 200 || !utf8.ValidString(name) || strings.ContainsFunc(name, notPrintable) || strings.ContainsAny(name, " ,\x07"):
		return fmt.Errorf("%.40q is not the name of a channel", name)
	}
	return nil
}

// checkKey says what is wrong with a channel's key.
func checkKey(key string) error {
	if len(key) > 100 || strings.ContainsFunc(key, notPrintable) || strings.ContainsAny(key, " ,:") {
		return fmt.Errorf("this cannot be a channel's key")
	}
	return nil
}

func notPrintable(r rune) bool { return r < ' ' || r == 0x7f }
