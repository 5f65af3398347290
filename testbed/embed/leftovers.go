package embed

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"
)

// leftovers is a logrus hook that ends goroutines of a stopped server where
// Dendrite would take the process down with them: its components panic, or exit,
// when their context or database goes away in the middle of their work. Stop
// adds it; there is no harm in having it twice.
type leftovers struct{}

// Levels are those after which logrus ends the goroutine or the process.
func (leftovers) Levels() []logrus.Level {
	return []logrus.Level{logrus.PanicLevel, logrus.FatalLevel}
}

// Fire does not return if the entry is a consequence of stopping.
func (leftovers) Fire(e *logrus.Entry) error {
	if stopped(e) {
		runtime.Goexit()
	}
	return nil
}

// stopped reports whether an entry says that something was closed or cancelled.
func stopped(e *logrus.Entry) bool {
	words := e.Message
	if err, ok := e.Data[logrus.ErrorKey].(error); ok {
		if errors.Is(err, context.Canceled) {
			return true
		}
		words += "\n" + err.Error()
	}
	for _, end := range []error{context.Canceled, sql.ErrConnDone, nats.ErrConnectionClosed, errDatabaseClosed} {
		if strings.Contains(words, end.Error()) {
			return true
		}
	}
	return false
}

// errDatabaseClosed has the words of the error that database/sql keeps to itself.
var errDatabaseClosed = errors.New("sql: database is closed")
