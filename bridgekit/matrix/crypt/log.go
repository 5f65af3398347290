//go:build goolm

package crypt

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"

	"github.com/rs/zerolog"
)

// zeroLog is a logger for mautrix whose warnings and errors end in log. What it
// says below that are steps, and hold what is encrypted.
func zeroLog(log *slog.Logger) zerolog.Logger {
	return zerolog.New(forward{log}).Level(zerolog.WarnLevel)
}

// A forward writes lines of zerolog, which are JSON, into a slog.Logger.
type forward struct{ log *slog.Logger }

// Write takes one line.
func (f forward) Write(line []byte) (int, error) {
	var fields map[string]any
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if d.Decode(&fields) != nil {
		return len(line), nil
	}
	level := slog.LevelDebug // one message that cannot be read is no administrator's business
	if fields[zerolog.LevelFieldName] == zerolog.LevelErrorValue {
		level = slog.LevelWarn
	}
	text, _ := fields[zerolog.MessageFieldName].(string)
	for _, known := range []string{zerolog.LevelFieldName, zerolog.MessageFieldName, zerolog.TimestampFieldName, "trace_id", "ciphertext"} {
		delete(fields, known)
	}
	attrs := make([]slog.Attr, 0, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		attrs = append(attrs, slog.Any(name, fields[name]))
	}
	f.log.LogAttrs(context.Background(), level, "keys: "+text, attrs...)
	return len(line), nil
}
