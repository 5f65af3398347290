package config

import (
	"fmt"
	"slices"
	"strings"
)

// A Problem is one thing that is wrong with a configuration file, in words
// that say what to do about it.
type Problem struct {
	File   string
	Line   int // from 1
	Column int // from 1
	Text   string
}

// Error is file:line:column: text, as compilers write it.
func (p Problem) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Problems are all that is wrong with a configuration file, in the order of its
// lines. There is at least one.
type Problems []Problem

// Error is one line per problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// sorted orders p by line and column; problems at one place keep their order.
func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return p
}
