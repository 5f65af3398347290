package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// width is that of a column; two of them and what is between fit into a hundred.
const width = 46

// A screen prints a conversation in two columns.
type screen struct {
	out    io.Writer
	styled bool // out is a terminal that shows formats
}

// newScreen prints to out, with formats if that is a terminal and nobody minds
// (https://no-color.org).
func newScreen(out io.Writer) *screen {
	s := &screen{out: out}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		s.styled = err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return s
}

func (s *screen) head(left, right string) {
	s.columns(wrap(cells(markup.Plain(left), s.styled)), " │ ", wrap(cells(markup.Plain(right), s.styled)))
	s.end()
}

// row shows one line as both sides saw it. The arrow points to where it went.
func (s *screen) row(left markup.Body, fromLeft bool, right markup.Body) {
	arrow := " ← "
	if fromLeft {
		arrow = " → "
	}
	s.columns(wrap(cells(left, s.styled)), arrow, wrap(cells(right, s.styled)))
}

// spread shows one line as all sides saw it, below each other. The arrow is at
// the side from which it came.
func (s *screen) spread(names []string, from int, seen []markup.Body) {
	longest := 0
	for _, n := range names {
		longest = max(longest, len(n))
	}
	for i, n := range names {
		arrow := "   "
		if i == from {
			arrow = " → "
		}
		s.say(fmt.Sprintf("%-*s%s%s", longest, n, arrow, render(cells(seen[i], s.styled))))
	}
	s.say(strings.Repeat("─", 2*width+4))
}

// end draws a line across.
func (s *screen) end() {
	s.say(strings.Repeat("─", width+1) + "─┼─" + strings.Repeat("─", width))
}

func (s *screen) say(text string) { fmt.Fprintln(s.out, text) }

func (s *screen) columns(left [][]cell, arrow string, right [][]cell) {
	for i := range max(len(left), len(right)) {
		var l, r []cell
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		gap := strings.Repeat(" ", max(width-columns(l), 0)+1)
		s.say(strings.TrimRight(render(l)+gap+arrow+render(r), " "))
		arrow = " │ "
	}
}

// A cell is a character and the codes that begin its formats on a terminal.
type cell struct {
	char  rune
	style string
}

// plain is a text as it is printed where there are no formats.
func plain(b markup.Body) string { return render(cells(b, false)) }

// cells are the characters of a text. Without a terminal bold and italic are
// shown by *signs* and /signs/.
func cells(b markup.Body, styled bool) []cell {
	var out []cell
	var add func(b markup.Body, style string)
	text := func(t, style string) {
		for _, r := range t {
			out = append(out, cell{r, style})
		}
	}
	add = func(b markup.Body, style string) {
		for _, n := range b {
			code, sign := format(n)
			if styled {
				sign = ""
			} else {
				code = ""
			}
			text(sign, style)
			text(n.Text, style+code)
			add(n.Children, style+code)
			text(sign, style)
		}
	}
	add(b, "")
	return out
}

// format is how a node looks: with codes on a terminal (ECMA-48, SGR), with a
// sign around it elsewhere.
func format(n markup.Node) (code, sign string) {
	switch n.Kind {
	case markup.Bold:
		return "\x1b[1m", "*"
	case markup.Italic:
		return "\x1b[3m", "/"
	case markup.Underline:
		return "\x1b[4m", "_"
	case markup.Colour:
		var r, g, b int
		if _, err := fmt.Sscanf(n.FG, "#%02x%02x%02x", &r, &g, &b); err == nil {
			return fmt.Sprintf("\x1b[38;2;%d;%d;%dm", r, g, b), ""
		}
	}
	return "", ""
}

// wrap cuts a text into lines that fit into a column, at spaces where there are
// any.
func wrap(text []cell) [][]cell {
	var lines [][]cell
	for columns(text) > width {
		end, space := 0, 0
		for used := 0; end < len(text); end++ {
			if used += wide(text[end].char); used > width {
				break
			}
			if text[end].char == ' ' {
				space = end
			}
		}
		if space > width/3 {
			lines, text = append(lines, text[:space]), text[space+1:]
			continue
		}
		lines, text = append(lines, text[:end]), text[end:]
	}
	return append(lines, text)
}

// columns is how much room a text takes.
func columns(text []cell) (n int) {
	for _, c := range text {
		n += wide(c.char)
	}
	return n
}

// wide is the columns of a character: emoji take two.
func wide(r rune) int {
	if r >= 0x1f300 {
		return 2
	}
	return 1
}

// render writes cells with the codes between them.
func render(text []cell) string {
	var b strings.Builder
	style := ""
	for _, c := range text {
		if c.style != style {
			b.WriteString("\x1b[0m" + c.style)
			style = c.style
		}
		b.WriteRune(c.char)
	}
	if style != "" {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}
