package main

// What people read here follows these rules:
//
//  1. Standard output gets what was asked for; questions, progress and errors go to
//     standard error.
//  2. Plain words in whole sentences: no "failed to", no codes, no Go types, no colours.
//  3. Every error ends with what to do: a command or a line to write.
//  4. No secrets, unless a command was asked for them by name.
//  5. The status is 0 if all is well, 1 if something is not, 2 if the call was wrong.

import (
	"errors"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/config"
)

// errorText is an error as people read it: problems of a file as file:line:column,
// which editors understand, anything else after the program's name.
func errorText(err error) string {
	var problems config.Problems
	if errors.As(err, &problems) {
		return problems.Error()
	}
	return "causeway: " + err.Error()
}

// indent puts prefix before each line of text that is not empty.
func indent(prefix, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line != "\n" {
			b.WriteString(prefix)
		}
		b.WriteString(line)
	}
	return b.String()
}
