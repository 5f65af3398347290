package main

import (
	"fmt"
	"io"
)

// A status is how a check went.
type status string

const (
	statOK   status = "ok"
	statWarn status = "warn" // works, and should be better
	statFail status = "FAIL"
	statSkip status = "skip" // could not be checked
)

// A result is what one check found.
type result struct {
	Status status `json:"status"`
	Check  string `json:"check"`
	Text   string `json:"text,omitempty"`   // what is so
	Remedy string `json:"remedy,omitempty"` // what to do about it
}

// textReport prints results as they come.
func textReport(w io.Writer) func(result) {
	return func(r result) {
		line := fmt.Sprintf("%-4s %s", r.Status, r.Check)
		if r.Text != "" {
			line += ": " + oneLine(r.Text)
		}
		fmt.Fprintln(w, line)
		if r.Remedy != "" {
			fmt.Fprintln(w, "     "+oneLine(r.Remedy))
		}
	}
}

// jsonReport prints all results as one object.
func jsonReport(w io.Writer, results []result) error {
	report := struct {
		OK     bool     `json:"ok"`
		Checks []result `json:"checks"`
	}{OK: count(results, statFail) == 0, Checks: results}
	return printJSON(w, report)
}

// summary is the last line.
func summary(results []result) string {
	failed, warned := count(results, statFail), count(results, statWarn)
	switch {
	case failed > 0:
		return fmt.Sprintf("%d of %d checks failed.", failed, len(results))
	case warned > 0:
		return fmt.Sprintf("Everything works; %d could be better.", warned)
	}
	return "Everything is well."
}

func count(results []result, s status) int {
	n := 0
	for _, r := range results {
		if r.Status == s {
			n++
		}
	}
	return n
}
