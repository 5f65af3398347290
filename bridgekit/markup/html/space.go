package html

import "github.com/causeway-chat/causeway/bridgekit/markup"

// tidySpace turns the no-break spaces that stand for ordinary ones back into
// those and removes white space at the ends of lines. Editors and Render write
// "&nbsp; " where HTML would show two spaces as one, and "&nbsp;" at the start
// of a line; a no-break space between two words ("10 km") is kept.
func tidySpace(b markup.Body) markup.Body {
	var t spaceTidier
	t.nodes(b)
	t.lineEnd()
	t.tidy()
	return markup.Normalize(b)
}

// spaceTidier sees the whole text as one sequence of characters, whatever
// nodes they are in.
type spaceTidier struct {
	runes []rune
	spans []span
}

// A span says which runes are the text of a node.
type span struct {
	text       *string
	start, end int
}

const (
	nbsp    = '\u00a0'
	solid   = '\ufffc' // stands for anything visible that is not text
	removed = -1
)

func (t *spaceTidier) lineEnd() { t.runes = append(t.runes, '\n') }

func (t *spaceTidier) nodes(ns []markup.Node) {
	for i := range ns {
		n := &ns[i]
		switch {
		case n.Kind == markup.Text:
			start := len(t.runes)
			t.runes = append(t.runes, []rune(n.Text)...)
			t.spans = append(t.spans, span{&n.Text, start, len(t.runes)})
		case n.Kind.Block():
			t.lineEnd()
			t.nodes(n.Children)
			t.lineEnd()
		case len(n.Children) > 0:
			t.nodes(n.Children)
		default:
			t.runes = append(t.runes, solid)
		}
	}
}

func (t *spaceTidier) tidy() {
	for i := 0; i < len(t.runes); {
		j, ordinary := i, false
		for j < len(t.runes) && (t.runes[j] == ' ' || t.runes[j] == nbsp) {
			ordinary = ordinary || t.runes[j] == ' '
			j++
		}
		if j == i {
			i++
			continue
		}
		atStart := i == 0 || t.runes[i-1] == '\n'
		atEnd := j == len(t.runes) || t.runes[j] == '\n'
		for k := i; k < j; k++ {
			if atEnd {
				t.runes[k] = removed
			} else if ordinary || atStart {
				t.runes[k] = ' '
			}
		}
		i = j
	}
	for _, s := range t.spans {
		kept := make([]rune, 0, s.end-s.start)
		for _, r := range t.runes[s.start:s.end] {
			if r != removed {
				kept = append(kept, r)
			}
		}
		*s.text = string(kept)
	}
}
