package networktest

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// textCases are the rules about what becomes of texts.
func textCases() []Case {
	return []Case{
		{"WeirdTextArrives", nil, with(weirdTextArrives)},
		{"WeirdTextIsSent", nil, with(weirdTextIsSent)},
		{"TextInjectsNothing", nil, with(textInjectsNothing)},
		{"FormattingKeepsText", nil, with(formattingKeepsText)},
		{"LongTextIsNotCut", nil, with(longTextIsNotCut)},
		{"SplitKeepsRunesWhole", nil, with(splitKeepsRunesWhole)},
		{"LinksLeadBack", needsLinks, with(linksLeadBack)},
	}
}

// weird are texts without control characters but "\n" that have broken bridges.
func weird() []string {
	return []string{
		"é", "e\u0301", "☺☺☺", "日本語テキスト", "ünïcödé ¡¿",
		"👩‍👩‍👧", "🏳️‍🌈", "👍🏽", "🇩🇪", "𝔘𝔫𝔦", // surrogate pairs, ZWJ, modifiers, flags
		"\u202eabc", "שלום עולם", "مرحبا", "a\u200eb\u200fc", // right to left
		"a\nb", "a\n\nb\nc", " lead", "  two", "tab\tin", "a  b",
		"<b>&amp;</b>", "&lt;", "<script>alert(1)</script>", "<@U123>", "<!channel>", "<http://a.example|b>",
		"*a*", "_a_", "~a~", "`a`", "```a```", "> quote", ">>> quote", "# head", "- item", "1. one", "||a||",
		"[a](http://b.example)", "![a](b)", "\\", "\\n", "%s %d %00", "${HOME}", "$(id)", "'; DROP TABLE x; --",
		"/me x", "//x", "/quit", "/nick root", ":-)", ": colon", ":a b", "@everyone", "@room", "#channel", "!cmd",
		"null", "0", "\"quoted\"", "{\"json\":1}", "http://a.example/?q=a%20b&c=d#e", "a.b.c.", "…", "\u00a0nbsp",
	}
}

// dangerous are texts that try to be more than a text.
func dangerous() []string {
	return []string{
		"a\r\nQUIT :bye", "b\nQUIT :bye", "c\rQUIT :bye", "\x01VERSION\x01", "\x01ACTION waves\x01",
		"d\x00e", "f\x1b[31mg", "h\x02i\x03j", "k\x07l", "m\u2028n", "o\u0085p", "q\ufeffr", "QUIT", "s\x7ft",
	}
}

// honest checks that Traits.Held changes space and control characters only.
func honest(c *core, text string) error {
	keep := func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}
	if a, b := strings.Map(keep, text), strings.Map(keep, c.held(text)); a != b {
		return fmt.Errorf("harness: Traits.Held(%q) is %q, which changes more than space and control characters", text, c.held(text))
	}
	return nil
}

func weirdTextArrives(ctx context.Context, s *session) error {
	var texts []string
	for _, text := range weird() {
		if err := honest(s.core, text); err != nil {
			return err
		}
		if err := s.says(ctx, s.traits.Main.ID, text); err != nil {
			return err
		}
		texts = append(texts, text)
	}
	if err := s.says(ctx, s.traits.Main.ID, "end"); err != nil {
		return err
	}
	want := s.held(append(texts, "end")...)
	err := s.sink.wait(ctx, "the end", func(k *sink) bool {
		return strings.HasSuffix(k.heard(s.traits.Main.ID, s.traits.Other), "\nend")
	})
	if err != nil {
		return err
	}
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	return same(s.sink.heard(s.traits.Main.ID, s.traits.Other), want)
}

func weirdTextIsSent(ctx context.Context, s *session) error {
	texts := weird()
	for _, text := range texts {
		if err := honest(s.core, text); err != nil {
			return err
		}
		if _, err := s.send(ctx, text); err != nil {
			return err
		}
	}
	all, err := s.settled(ctx)
	if err != nil {
		return err
	}
	return same(strings.Join(all, "\n"), s.held(texts...))
}

// same compares texts line by line and names the first that differs.
func same(got, want string) error {
	if got == want {
		return nil
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		var a, b string
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Errorf("line %d became %q, want %q", i, a, b)
		}
	}
	return fmt.Errorf("%d lines became %d", len(w), len(g))
}

// textInjectsNothing: whatever a person writes is a text, or is turned down.
func textInjectsNothing(ctx context.Context, s *session) error {
	var sent []string
	for _, text := range dangerous() {
		if err := honest(s.core, text); err != nil {
			return err
		}
		switch _, err := s.send(ctx, text); {
		case err == nil:
			sent = append(sent, text)
		case network.KindOf(err) != network.Rejected:
			return err
		}
	}
	all, err := s.settled(ctx)
	if err != nil {
		return fmt.Errorf("after dangerous texts: %w", err)
	}
	return same(strings.Join(all, "\n"), s.held(sent...))
}

// formattingKeepsText sends every kind of node: what a network cannot show is
// shown without its formatting, not left out.
func formattingKeepsText(ctx context.Context, s *session) error {
	words := []string{"alfa", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo"}
	leaf := func(i int) []markup.Node { return []markup.Node{{Kind: markup.Text, Text: words[i]}} }
	body := markup.Body{
		{Kind: markup.Paragraph, Children: []markup.Node{
			{Kind: markup.Bold, Children: leaf(0)}, {Kind: markup.Italic, Children: leaf(1)},
			{Kind: markup.Strike, Children: leaf(2)}, {Kind: markup.Underline, Children: leaf(3)},
			{Kind: markup.Code, Text: words[4]}, {Kind: markup.Colour, FG: "#ff0000", Children: leaf(5)},
			{Kind: markup.Link, URL: "https://link.example/", Children: leaf(6)},
		}},
		{Kind: markup.CodeBlock, Text: words[7]},
		{Kind: markup.Quote, Children: leaf(8)},
		{Kind: markup.List, Children: []markup.Node{{Kind: markup.Item, Children: leaf(9)}}},
		{Kind: markup.Heading, Level: 1, Children: leaf(10)},
	}
	m := s.plain("")
	m.Content = network.Rich(body)
	if _, err := s.ops().Send(ctx, m); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	all, err := s.settled(ctx)
	if err != nil {
		return err
	}
	rest := strings.Join(all, "\n")
	for _, w := range words {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			return fmt.Errorf("the word %q is missing, or not in its place, in %q", w, all)
		}
		rest = after
	}
	return nil
}

// longTextIsNotCut: a text beyond the limit is split, turned down, or noted.
func longTextIsNotCut(ctx context.Context, s *session) error {
	var w strings.Builder
	for i := 0; w.Len() < max(3*s.traits.Features.MaxText, 3000); i++ {
		fmt.Fprintf(&w, "word%d ", i)
	}
	return s.sendsLong(ctx, strings.TrimSpace(w.String()))
}

// sendsLong sends a text and checks that all of it arrives, in pieces that are
// not too long, or that the sender is told.
func (s *session) sendsLong(ctx context.Context, text string) error {
	before, err := s.settled(ctx)
	if err != nil {
		return err
	}
	sent, err := s.send(ctx, text)
	if err != nil {
		return kind("send a long text", err, network.Rejected)
	}
	all, err := s.settled(ctx)
	if err != nil {
		return err
	}
	all = all[len(before)+1:] // and the last word
	for _, piece := range all {
		if limit := s.traits.Features.MaxText; limit > 0 && len(piece) > limit {
			return fmt.Errorf("a piece has %d bytes, the limit is %d", len(piece), limit)
		}
		if !utf8.ValidString(piece) || strings.ContainsRune(piece, utf8.RuneError) {
			return fmt.Errorf("a piece has a broken character: %.40q … %q", piece, piece[max(0, len(piece)-8):])
		}
	}
	if sent.Note != "" {
		return nil
	}
	if bare(strings.Join(all, "")) != bare(text) {
		return fmt.Errorf("of %d bytes, %d arrived in %d pieces, and nobody was told", len(text), len(strings.Join(all, "")), len(all))
	}
	return nil
}

// bare is a text without white space.
func bare(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}

func splitKeepsRunesWhole(ctx context.Context, s *session) error {
	n := max(s.traits.Features.MaxText, 400) / 2
	for offset := range 4 {
		text := strings.Repeat("a", offset) + strings.Repeat("𝔘", n)
		if err := s.sendsLong(ctx, text); err != nil {
			return fmt.Errorf("offset %d: %w", offset, err)
		}
	}
	return nil
}
