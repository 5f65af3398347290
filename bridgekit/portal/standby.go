package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"maunium.net/go/mautrix/event"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
)

// transactionKind is the kind of entries that hold a whole transaction: a process
// that stands by knows neither rooms nor conversations, and leaves it to the one
// that serves to take it apart.
const transactionKind = "transaction"

// intakeLane orders such entries. Its number is above those of controlLane.
func intakeLane() journal.Lane { return journal.LaneOf(1<<24, journal.Control) }

// dropStale takes out of a transaction what nobody wants to see when it is old: who
// types.
func dropStale(t *matrix.Transaction, age time.Duration) {
	const stale = 10 * time.Second
	if age < stale {
		return
	}
	t.Ephemeral = slices.DeleteFunc(t.Ephemeral, func(raw json.RawMessage) bool {
		var e struct {
			Type string `json:"type"`
		}
		return json.Unmarshal(raw, &e) == nil && e.Type == event.EphemeralEventTyping.Type
	})
}

// Standby stores what the homeserver pushes to a process that stands by.
func (s *Service) Standby(ctx context.Context, t matrix.Transaction) error {
	d, err := transactionDraft(t)
	if err != nil {
		return err
	}
	return s.j.Deposit(ctx, []journal.Draft{d})
}

func transactionDraft(t matrix.Transaction) (journal.Draft, error) {
	payload, err := json.Marshal(t)
	if err != nil {
		return journal.Draft{}, fmt.Errorf("store transaction: %w", err)
	}
	// A known ID may come with more events, so the content is part of the key.
	return journal.Draft{Lane: intakeLane(), Kind: transactionKind, Payload: payload, Key: journal.Key("transaction", t.ID, string(payload))}, nil
}

// queued stores t behind those that a process which stands by has stored, if
// there are any: they came first.
func (s *Service) queued(ctx context.Context, t matrix.Transaction) (bool, error) {
	if !s.db.Shared() {
		return false, nil
	}
	waits, err := s.j.Look(ctx, intakeLane())
	if err != nil || !waits {
		return false, err
	}
	d, err := transactionDraft(t)
	if err != nil {
		return false, err
	}
	return true, s.j.Append(ctx, []journal.Draft{d}, nil)
}

// transaction takes a stored transaction apart.
func (s *Service) transaction(ctx context.Context, e *journal.Entry) journal.Outcome {
	var t matrix.Transaction
	if err := json.Unmarshal(e.Payload, &t); err != nil {
		return journal.Fail(err, "the stored entry cannot be read")
	}
	if s.opts.Heard != nil {
		s.opts.Heard()
	}
	dropStale(&t, time.Since(e.Created))
	if err := s.take(ctx, t); err != nil {
		return dbOutcome(err)
	}
	return journal.Delivered(nil)
}

// listen wakes the lanes in which a process that stands by has stored something:
// transactions, and dead letters that somebody put back.
func (s *Service) listen(ctx context.Context) error {
	missed := func() {
		if err := s.j.LookAll(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("look for what others stored", "err", err)
		}
	}
	return s.db.Listen(ctx, s.log, missed, s.j.Heard)
}
