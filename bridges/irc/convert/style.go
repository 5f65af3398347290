package convert

import "strings"

// The formatting codes.
const (
	bold      = '\x02'
	colour    = '\x03'
	hexColour = '\x04'
	reset     = '\x0f'
	mono      = '\x11'
	reverse   = '\x16'
	italic    = '\x1d'
	strike    = '\x1e'
	underline = '\x1f'
)

// A style is what the codes before a character say about it.
type style struct {
	bold, italic, underline, strike, mono, reverse bool
	fg, bg                                         string // "#rrggbb" or empty
}

// A run is text of one style.
type run struct {
	text  string
	style style
}

// change is the codes that lead from style a to style b before a text that
// begins with next.
func change(a, b style, next string) string {
	if a == b {
		return ""
	}
	if b == (style{}) {
		return string(reset)
	}
	var w strings.Builder
	if a.fg != b.fg || a.bg != b.bg {
		a = changeColour(&w, a, b, next)
	}
	for _, t := range []struct {
		code rune
		flip bool
	}{
		{bold, a.bold != b.bold}, {italic, a.italic != b.italic}, {underline, a.underline != b.underline},
		{strike, a.strike != b.strike}, {mono, a.mono != b.mono}, {reverse, a.reverse != b.reverse},
	} {
		if t.flip {
			w.WriteRune(t.code)
		}
	}
	return w.String()
}

// changeColour writes the colour code from a to b and returns what a has become.
func changeColour(w *strings.Builder, a, b style, next string) style {
	if b.bg == "" && a.bg != "" || b.fg == "" && b.bg == "" {
		w.WriteRune(colour)
	}
	switch {
	case b.bg != "":
		w.WriteString(string(colour) + code(b.fg) + "," + code(b.bg))
	case b.fg != "":
		w.WriteString(string(colour) + code(b.fg))
	}
	// A digit or a comma would be read as a part of the code.
	if next != "" && (next[0] >= '0' && next[0] <= '9' || next[0] == ',') {
		w.WriteString(string(bold) + string(bold))
	}
	a.fg, a.bg = b.fg, b.bg
	return a
}

// Strip removes every formatting code and control character but the tab.
func Strip(text string) string {
	var w strings.Builder
	for _, r := range runs(text) {
		w.WriteString(r.text)
	}
	return w.String()
}

// Clean removes control characters (C0, DEL, C1) but the tab and, if lines, the
// line feed; CR LF becomes LF. What remains cannot end a line, begin a CTCP
// request or pass for formatting.
func Clean(text string, lines bool) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && lines, r == '\t':
			return r
		case r == '\r' && lines:
			return '\n'
		case r == '\n', r == '\r':
			return ' '
		case r < 0x20, r >= 0x7f && r < 0xa0:
			return -1
		}
		return r
	}, text)
}
