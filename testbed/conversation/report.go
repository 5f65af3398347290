package conversation

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"maunium.net/go/mautrix/event"

	"github.com/causeway-chat/causeway/testbed/arrival"
)

// Report compares what everybody saw, and adds what only a stage knows: dead letters,
// words of the bot that nobody expects, and what is not encrypted.
func (s *Stage) Report() (*Report, error) {
	views := map[Side]*View{}
	for _, side := range Sides() {
		v, err := s.View(side)
		if err != nil {
			return nil, err
		}
		views[side] = v
	}
	if s.opts.PushesLate {
		if err := s.came(views[Matrix]); err != nil {
			return nil, err
		}
	}
	r := Compare(s.script, views, len(s.killed))
	letters, err := s.letters()
	if err != nil {
		return nil, err
	}
	for _, d := range letters {
		if strings.Contains(d.reason, unremovable) {
			continue // it was not known yet
		}
		r.Wrong = append(r.Wrong, fmt.Sprintf("dead letter %d: %s", d.id, d.reason))
	}
	room, err := s.matrix.view()
	if err != nil {
		return nil, err
	}
	for _, words := range room.said {
		if !expected(words) {
			r.Wrong = append(r.Wrong, "the bot says: "+words)
		}
	}
	if s.opts.Encrypted {
		s.inClear(r)
	}
	return r, nil
}

// came reads from the journal in which order what was said in the room came.
func (s *Stage) came(room *View) error {
	db, err := s.database()
	if err != nil {
		return err
	}
	defer db.Close()
	order, err := arrival.Read(context.Background(), db)
	if err != nil {
		return err
	}
	room.Came = map[int]int64{}
	for _, i := range room.Items {
		if at, ok := order.Of(i.ID); ok && i.Own {
			room.Came[i.N] = at
		}
	}
	return nil
}

// unremovable is in the words for what was removed and stays on InspIRCd.
const unremovable = "cannot remove messages"

// expected reports whether the bot may say something while people talk.
func expected(words string) bool {
	insp := regexp.QuoteMeta(string(Insp))
	for _, one := range []string{
		insp + ` cannot remove messages: it stays visible there`,
		`The removal was not delivered to ` + insp + `: .*` + unremovable,
		`it may appear twice on ` + insp,
		`Not delivered to ` + insp + `: ` + unknowable,
		`Your reaction was not delivered to ` + insp + `: ` + unknowable,
		`^Messages (between .* )?may be missing here`, // on InspIRCd, which keeps nothing
	} {
		if regexp.MustCompile(one).MatchString(words) {
			return true
		}
	}
	return false
}

// inClear notes what was said without encryption, by whomever.
func (s *Stage) inClear(r *Report) {
	encrypted := 0
	for _, e := range s.matrix.crowd[people(Matrix)[0]].user.Since(0) {
		switch {
		case e.RoomID != s.matrix.room:
		case e.Type == event.EventMessage, e.Type == event.EventSticker:
			if len(e.Content.VeryRaw) > 2 { // it was not removed before it was seen
				r.Wrong = append(r.Wrong, "in the clear: "+strings.TrimSpace(string(e.Content.VeryRaw)))
			}
		case e.Type == event.EventEncrypted:
			encrypted++
		}
	}
	if encrypted < r.Messages {
		r.Wrong = append(r.Wrong, fmt.Sprintf("%d messages are there, but only %d encrypted events", r.Messages, encrypted))
	}
}
