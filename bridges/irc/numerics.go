package irc

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A verdict is what a numeric error means for what we wanted.
type verdict struct {
	kind  network.Kind
	words string // the server's own text follows if it ends with ":"
}

// refusals are the numerics by which a server turns down a message or a
// command about a channel or person. Source: modern.ircdocs.horse and the
// numerics.yml of https://defs.ircdocs.horse.
func refusals() map[string]verdict {
	return map[string]verdict{
		"401": {network.Rejected, "nobody here has this nick"},
		"402": {network.Rejected, "there is no such server"},
		"403": {network.Gone, "there is no such channel"},
		"404": {network.Rejected, "the channel does not take this message:"},
		"405": {network.Rejected, "this connection is in too many channels already"},
		"406": {network.Rejected, "nobody had this nick"},
		"407": {network.Rejected, "too many recipients"},
		"408": {network.Rejected, "the channel does not allow colours"},
		"411": {network.Rejected, "no recipient"},
		"412": {network.Rejected, "there is no text to send"},
		"413": {network.Rejected, "the server does not take this message:"},
		"415": {network.Rejected, "the server does not take this message:"},
		"416": {network.Rejected, "too many matches"},
		"417": {network.Rejected, "the line is too long for the server"},
		"421": {network.Rejected, "the server does not know this command"},
		"437": {network.Rejected, "the channel is not available at the moment"},
		"439": {network.RateLimited, "too fast for the server"},
		"263": {network.RateLimited, "the server is busy"},
		"441": {network.Rejected, "they are not in the channel"},
		"442": {network.Gone, "we are not in the channel"},
		"443": {network.Rejected, "they are in the channel already"},
		"461": {network.Rejected, "the server wants more"},
		"467": {network.Rejected, "the channel has a key already"},
		"470": {network.Rejected, "the channel forwards to another:"},
		"471": {network.Rejected, "the channel is full (+l)"},
		"472": {network.Rejected, "the server does not know this mode"},
		"473": {network.Rejected, "the channel is for invited people only (+i): ask an operator for an invitation"},
		"474": {network.Rejected, "banned from the channel (+b)"},
		"475": {network.Rejected, "the channel has a key (+k): join with \"#channel key\""},
		"476": {network.Rejected, "this is not the name of a channel"},
		"477": {network.Rejected, "the channel is for registered people only (+r): sign in with an account"},
		"479": {network.Rejected, "this is not the name of a channel"},
		"480": {network.Rejected, "the channel cannot be joined now:"},
		"482": {network.Rejected, "only operators of the channel can do this"},
		"483": {network.Rejected, "this person cannot be removed"},
		"484": {network.Rejected, "this person cannot be removed"},
		"489": {network.Rejected, "the channel is for TLS connections only (+S)"},
		"486": {network.Rejected, "this person only takes messages from registered people"},
		"499": {network.Rejected, "only the founder of the channel can do this"},
		"519": {network.Rejected, "the channel is for administrators only"},
		"520": {network.Rejected, "the channel is for IRC operators only"},
		"531": {network.Rejected, "this person does not take private messages from us"},
		"573": {network.Rejected, "the server does not take this message:"},
		"716": {network.Rejected, "this person only takes messages from people they have accepted (+g)"},
		"742": {network.Rejected, "the channel's lock forbids this"},
	}
}

// refusal makes an error of a numeric; nil if it is none. in says whether we
// are in the channel that it is about: "404" and "403" then mean something else.
func refusal(numeric, text string, in bool) *network.Error {
	v, ok := refusals()[numeric]
	if !ok {
		return nil
	}
	if numeric == "404" && !in {
		v = verdict{network.Gone, "we are not in the channel"}
	}
	words := v.words
	if strings.HasSuffix(words, ":") {
		words += " " + text
	}
	err := network.Errorf(v.kind, words, "%s %s", numeric, text)
	if v.kind == network.RateLimited {
		err.Wait = seconds(text, 10*time.Second)
	}
	return err
}

// seconds finds "… wait 12 seconds" in a text.
func seconds(text string, def time.Duration) time.Duration {
	m := regexp.MustCompile(`(\d{1,4}) ?s(?:ec|\b)`).FindStringSubmatch(text)
	if m == nil {
		return def
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || n == 0 {
		return def
	}
	return time.Duration(n) * time.Second
}

// errorLine makes an error of the text of ERROR, by which a server says goodbye.
func errorLine(text string) error {
	low := strings.ToLower(text)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(low, w) {
				return true
			}
		}
		return false
	}
	limited := func(wait time.Duration, words string) error {
		err := network.Errorf(network.RateLimited, words+" ("+text+")", "server error: %s", text)
		err.Wait = wait
		return err
	}
	switch {
	case has("throttl", "too fast", "try again later", "reconnecting"):
		return limited(time.Minute, "the server asks us to connect more slowly")
	case has("too many", "no more connections", "max connections", "session limit"):
		return limited(5*time.Minute, "the server takes no more connections from here: ask the network for an exemption")
	case has("k-line", "k:line", "kline", "g-line", "g:line", "gline", "z-line", "z:line", "zline", "d-line", "dline",
		"akill", "autokill", "banned", "dnsbl", "blacklist", "not authorised", "not authorized", "unauthorized"):
		return network.Errorf(network.LoggedOut, "banned from this server: "+text, "server error: %s", text)
	case has("killed"):
		return killed(text)
	case has("flood", "sendq", "recvq"):
		return limited(30*time.Second, "the server says that we sent too much: lower flood in the configuration")
	case has("password", "access denied"):
		return network.Errorf(network.LoggedOut, "the server does not accept our password: "+text, "server error: %s", text)
	}
	return network.Errorf(network.Unavailable, "the server closed the connection: "+text, "server error: %s", text)
}

// killed makes an error of a KILL: whoever removed us does not want us back at once.
func killed(text string) error {
	err := network.Errorf(network.RateLimited, "an operator of the network removed this connection: "+text, "killed: %s", text)
	err.Wait = 5 * time.Minute
	return err
}
