package embed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/sirupsen/logrus"
)

func TestLeftovers(t *testing.T) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	log.AddHook(leftovers{})
	log.ExitFunc = func(int) { panic("exit") }
	panics := func(say func()) (v any) {
		done := make(chan any)
		go func() {
			defer func() { done <- recover() }()
			say()
		}()
		return <-done
	}
	for name, say := range map[string]func(){
		"cancelled":       func() { log.WithError(fmt.Errorf("write: %w", context.Canceled)).Panic("roomserver output log") },
		"database closed": func() { log.WithError(errDatabaseClosed).Panic("roomserver output log") },
		"in the message":  func() { log.Fatal(context.Canceled) },
	} {
		if v := panics(say); v != nil {
			t.Errorf("%s: panic %v", name, v)
		}
	}
	for name, say := range map[string]func(){
		"another error": func() { log.WithError(errors.New("no such table")).Panic("roomserver output log") },
		"no error":      func() { log.Fatal("no such table") },
	} {
		if panics(say) == nil {
			t.Errorf("%s: went unnoticed", name)
		}
	}
}
