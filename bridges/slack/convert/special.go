package convert

import (
	"fmt"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// longestQuote is how many characters of a message a reply quotes.
const longestQuote = 300

// quoted is what a reply answers, as a quote. Nobody is called by it.
func quoted(q network.Quote) markup.Body {
	said := markup.Truncate(silent(q.Text), longestQuote, markup.UTF16, "…")
	var inner []markup.Node
	if q.Name != "" {
		inner = []markup.Node{in(markup.Bold, text(q.Name))}
	}
	inner = join(inner, said)
	if len(inner) == 0 {
		return nil
	}
	return markup.Body{in(markup.Quote, inner...)}
}

// location is a place, with a link to a map.
func location(p network.Part) markup.Body {
	l := p.Location
	url := fmt.Sprintf("https://www.openstreetmap.org/?mlat=%.5f&mlon=%.5f#map=16/%.5f/%.5f", l.Lat, l.Lon, l.Lat, l.Lon)
	where := fmt.Sprintf("%.5f, %.5f", l.Lat, l.Lon)
	b := markup.Body{text("📍 " + first(l.Name, "Location") + ": "), {Kind: markup.Link, URL: url, Children: []markup.Node{text(where)}}}
	return join(b, p.Text)
}

// contact is a card: its name, and its telephone numbers and addresses as links.
func contact(p network.Part) markup.Body {
	b := markup.Body{text("👤 "), in(markup.Bold, text(first(p.Contact.Name, "Contact")))}
	for _, line := range strings.Split(strings.ReplaceAll(p.Contact.VCard, "\r", ""), "\n") {
		key, value, ok := strings.Cut(line, ":")
		key, _, _ = strings.Cut(strings.ToUpper(key), ";")
		key = key[strings.LastIndexByte(key, '.')+1:] // "item1.TEL"
		scheme := map[string]string{"TEL": "tel:", "EMAIL": "mailto:"}[key]
		value = strings.TrimPrefix(strings.TrimSpace(value), scheme)
		if !ok || value == "" || scheme == "" {
			continue
		}
		to := scheme + strings.ReplaceAll(value, " ", "")
		b = append(b, text("\n"), markup.Node{Kind: markup.Link, URL: to, Children: []markup.Node{text(value)}})
	}
	return join(b, p.Text)
}

// digitNames are the emoji that number a poll's answers, in their order.
func digitNames() []string {
	return []string{"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "keycap_ten"}
}

// poll is a question and its answers, each with an emoji to react with as far as
// there are any.
func poll(p network.Part, o Options) []Draft {
	names := digitNames()
	b := markup.Body{text("📊 "), in(markup.Bold, text(p.Poll.Question))}
	if p.Poll.Max > 1 {
		b = append(b, text(fmt.Sprintf(" (up to %d answers)", p.Poll.Max)))
	}
	for i, a := range p.Poll.Answers {
		number := fmt.Sprintf("%d.", i+1)
		if i < len(names) {
			number, _ = EmojiText(names[i])
		}
		b = append(b, text("\n"+number+" "+a.Text))
	}
	out := Text(join(b, p.Text), o)
	if len(out) > 0 {
		out[0].Reactions = names[:min(len(names), len(p.Poll.Answers))]
	}
	return out
}
