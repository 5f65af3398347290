package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A question is one value that a command needs: its flag is used if it was
// given, else the person is asked.
type question struct {
	flag     string // "homeserver"
	text     string // without the question mark's space
	proposal string // taken for an empty answer; "" if there is none
	check    func(string) error
}

// An asker asks on out and reads answers from in.
type asker struct {
	in  *bufio.Reader
	out io.Writer
}

// get is the answer to q, which is valid. given is the flag's value. An answer
// that cannot be is said to be and asked for again. Where nobody answers, the
// proposal counts, and without one the error names the flag.
func (a asker) get(ctx context.Context, q question, given string) (string, error) {
	if given != "" {
		given = tidy(given)
		if err := q.check(given); err != nil {
			return "", usageError{fmt.Errorf("--%s: %w", q.flag, err)}
		}
		return given, nil
	}
	for {
		prompt := q.text
		if q.proposal != "" {
			prompt += " [" + q.proposal + "]"
		}
		fmt.Fprint(a.out, prompt+": ")
		line, err := a.line(ctx)
		over := errors.Is(err, io.EOF)
		if err != nil && !over {
			return "", err
		}
		answer := tidy(line)
		if answer == "" {
			answer = q.proposal
			if over {
				fmt.Fprintln(a.out, answer) // show what is taken
			}
		}
		if answer == "" {
			if over {
				return "", usageError{fmt.Errorf("there is nobody to ask: give --%s", q.flag)}
			}
			continue
		}
		err = q.check(answer)
		if err == nil {
			return answer, nil
		}
		if over {
			return "", usageError{fmt.Errorf("--%s: %w", q.flag, err)}
		}
		fmt.Fprintf(a.out, "  %v\n", err)
	}
}

// line reads a line. When ctx ends the goroutine stays with the read, which
// nothing can interrupt; the command ends with the process.
func (a asker) line(ctx context.Context) (string, error) {
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := a.in.ReadString('\n')
		done <- result{line, err}
	}()
	select {
	case r := <-done:
		return r.line, r.err
	case <-ctx.Done():
		fmt.Fprintln(a.out)
		return "", ctx.Err()
	}
}

// tidy takes off what people and terminals add to an answer.
func tidy(s string) string { return strings.TrimRight(strings.TrimSpace(s), "/") }
