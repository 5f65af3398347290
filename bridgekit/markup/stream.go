package markup

import (
	"slices"
	"strings"
)

// Depth limits. A path is at most maxBlocks containers, one Paragraph or
// Heading, the inline formats (six kinds that do not nest in themselves and
// maxColours colours) and the leaf.
const (
	// MaxDepth is the deepest nesting Normalize leaves in a tree.
	MaxDepth   = 32
	maxColours = 2
	maxBlocks  = MaxDepth - 1 - (6 + maxColours) - 1
	maxStart   = 999_999_999 // CommonMark's limit for list numbers
)

// A leaf is a node without children together with what surrounds it: first
// the blocks, then the inline formats. A sequence of leaves is easy to cut,
// and assembling it again repairs whatever nesting the tree came with.
type leaf struct {
	node Node
	path []*frame // shared between leaves, never changed
}

// A frame is one surrounding node. Two leaves are in the same node if they
// have the same frame at the same depth.
type frame struct {
	node   Node // without children
	number int  // of an Item: its number in the list
}

// same reports whether neighbours in f and g are in one node. Simple formats
// merge by value: bold beside bold is bold. Links and spoilers do not, the
// reader sees two of them.
func (f *frame) same(g *frame) bool {
	if f == g {
		return true
	}
	if f.node.Kind != g.node.Kind {
		return false
	}
	switch f.node.Kind {
	case Bold, Italic, Strike, Underline:
		return true
	case Colour:
		return f.node.FG == g.node.FG && f.node.BG == g.node.BG
	}
	return false
}

// surroundings is where the flattener stands in the tree.
type surroundings struct {
	blocks  []*frame
	inlines []*frame
}

func (s surroundings) path() []*frame {
	return slices.Concat(s.blocks, s.inlines)
}

// outer is the blocks without a trailing Paragraph or Heading: a block within
// one of those ends it.
func (s surroundings) outer() []*frame {
	if n := len(s.blocks); n > 0 {
		if k := s.blocks[n-1].node.Kind; k == Paragraph || k == Heading {
			return s.blocks[: n-1 : n-1]
		}
	}
	return s.blocks
}

// enter is the surroundings within a block. Where containers are nested too
// deep, a paragraph takes the container's place.
func (s surroundings) enter(f *frame) surroundings {
	outer := s.outer()
	need := 1
	if f.node.Kind == List {
		need = 2 // the Item
	}
	switch f.node.Kind {
	case Quote, List:
		if len(outer)+need > maxBlocks {
			f = &frame{node: Node{Kind: Paragraph}}
		}
	}
	s.blocks = append(slices.Clip(outer), f)
	return s
}

// format is the surroundings within an inline node, unchanged where it would
// add nothing.
func (s surroundings) format(n Node) surroundings {
	shell := Node{Kind: n.Kind}
	colours := 0
	var fg, bg string
	for _, f := range s.inlines {
		if f.node.Kind == Colour {
			colours++
			fg, bg = override(fg, f.node.FG), override(bg, f.node.BG)
		} else if f.node.Kind == n.Kind {
			return s
		}
	}
	switch n.Kind {
	case Spoiler:
		shell.Text = cleanLine(n.Text)
	case Link:
		if shell.URL = cleanToken(n.URL); shell.URL == "" {
			return s
		}
	case Colour:
		shell.FG, shell.BG = cleanColour(n.FG), cleanColour(n.BG)
		if colours == maxColours || override(fg, shell.FG) == fg && override(bg, shell.BG) == bg {
			return s
		}
	}
	s.inlines = append(slices.Clip(s.inlines), &frame{node: shell})
	return s
}

func override(outer, inner string) string {
	if inner == "" {
		return outer
	}
	return inner
}

// flatten turns a tree into its leaves, cleaning them on the way.
func flatten(b Body) []leaf {
	var f flattener
	f.nodes(b, surroundings{})
	return f.out
}

type flattener struct{ out []leaf }

func (f *flattener) nodes(ns []Node, s surroundings) {
	path := s.path()
	var strays *frame // the list for Items that are in none
	number := 1
	for _, n := range ns {
		if n.Kind == Item {
			if strays == nil {
				strays, number = &frame{node: Node{Kind: List}}, 1
			}
			number += f.item(n.Children, s.enter(strays), &frame{node: Node{Kind: Item}, number: number})
			continue
		}
		strays = nil
		f.node(n, s, path)
	}
}

func (f *flattener) node(n Node, s surroundings, path []*frame) {
	switch n.Kind {
	case Bold, Italic, Strike, Underline, Spoiler, Colour:
		f.nodes(n.Children, s.format(n))
	case Link:
		if len(n.Children) == 0 {
			n.Children = []Node{{Kind: Text, Text: cleanToken(n.URL)}}
		}
		f.nodes(n.Children, s.format(n))
	case Quote, Paragraph:
		f.nodes(n.Children, s.enter(&frame{node: Node{Kind: n.Kind}}))
	case Heading:
		f.nodes(n.Children, s.enter(&frame{node: Node{Kind: Heading, Level: min(max(n.Level, 1), 6)}}))
	case List:
		f.list(n, s)
	case CodeBlock, Rule:
		if l, ok := cleanLeaf(n); ok {
			f.out = append(f.out, leaf{l, slices.Clip(s.outer())})
		}
	case Mention, ChatLink:
		f.leaf(n, unlinked(path))
	case Text, Code, Everyone, Emoji:
		f.leaf(n, path)
	default:
		f.leaf(Node{Kind: Text, Text: n.Text}, path)
		f.nodes(n.Children, s)
	}
}

func (f *flattener) leaf(n Node, path []*frame) {
	if l, ok := cleanLeaf(n); ok {
		f.out = append(f.out, leaf{l, path})
	}
}

// list flattens a list. What is in it without being an Item becomes one;
// a block joins the Item before it, as browsers show it.
func (f *flattener) list(n Node, s surroundings) {
	shell := Node{Kind: List, Ordered: n.Ordered}
	number := 1
	if n.Ordered && n.Start > 0 {
		number = min(n.Start, maxStart)
	}
	s = s.enter(&frame{node: shell})
	var item *frame
	open := false // item was made for inline nodes and takes more of them
	for _, c := range n.Children {
		isItem := c.Kind == Item
		children := c.Children
		if !isItem {
			children = []Node{c}
		}
		if item == nil || isItem || !c.Kind.Block() && !open {
			item = &frame{node: Node{Kind: Item}, number: number}
		}
		open = !isItem && !c.Kind.Block()
		if f.item(children, s, item) > 0 && item.number == number {
			number++
		}
	}
}

// item flattens the children of an Item in the list s stands in and returns 1
// if there were any leaves, so that empty items do not count.
func (f *flattener) item(children []Node, s surroundings, item *frame) int {
	before := len(f.out)
	if s.blocks[len(s.blocks)-1].node.Kind == List {
		s.blocks = append(slices.Clip(s.blocks), item)
	} else {
		s = s.enter(&frame{node: Node{Kind: Paragraph}})
	}
	f.nodes(children, s)
	return min(len(f.out)-before, 1)
}

// unlinked is path without links, which cannot hold mentions.
func unlinked(path []*frame) []*frame {
	isLink := func(f *frame) bool { return f.node.Kind == Link }
	if !slices.ContainsFunc(path, isLink) {
		return path
	}
	return slices.DeleteFunc(slices.Clone(path), isLink)
}

// assemble builds the tree for leaves whose nodes at the depths above are
// already open.
func assemble(ls []leaf, depth int) []Node {
	var out []Node
	for i := 0; i < len(ls); {
		l := ls[i]
		if len(l.path) <= depth {
			n, size := mergeText(ls[i:], depth)
			out = append(out, n)
			i += size
			continue
		}
		f := l.path[depth]
		j := i + 1
		for j < len(ls) && len(ls[j].path) > depth && ls[j].path[depth].same(f) {
			j++
		}
		n := f.node
		if n.Ordered && len(l.path) > depth+1 && l.path[depth+1].number > 1 {
			n.Start = min(l.path[depth+1].number, maxStart)
		}
		n.Children = assemble(ls[i:j], depth+1)
		out = append(out, n)
		i = j
	}
	return out
}

// mergeText is the node of the first leaf, with the text of those after it if
// they are Text nodes beside each other, and how many leaves that are.
func mergeText(ls []leaf, depth int) (Node, int) {
	n, size := ls[0].node, 1
	if n.Kind != Text {
		return n, size
	}
	for size < len(ls) && len(ls[size].path) <= depth && ls[size].node.Kind == Text {
		size++
	}
	if size > 1 {
		var b strings.Builder
		for _, l := range ls[:size] {
			b.WriteString(l.node.Text)
		}
		n.Text = b.String()
	}
	return n, size
}
