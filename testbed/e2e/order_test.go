package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// TestOrder sends many messages both ways at the same time.
func TestOrder(t *testing.T) {
	everywhere(t, func(w *world) {
		const n = 200
		room := w.join(w.you)
		im := w.mia.Mark()
		spoken := make(chan error, 1)
		go func() { spoken <- w.speak(1, n) }()
		w.write(room, 1, n)
		check(w.t, <-spoken)
		w.arrives(im, n)
		w.appears(room, n)
		w.counted("on IRC", complete(w.onIRCSide(im), n, 0))
		w.counted("on Matrix", complete(w.onMatrixSide(room), n, 0))
	})
}

// write has you send messages with the numbers first to last.
func (w *world) write(room id.RoomID, first, last int) {
	w.t.Helper()
	for i := first; i <= last; i++ {
		w.sent(w.you.Text(w.ctx, room, fmt.Sprintf("out %d", i)))
	}
}

// speak has mia say messages with the numbers first to last.
func (w *world) speak(first, last int) error {
	for i := first; i <= last; i++ {
		if err := w.mia.Say(channel, fmt.Sprintf("in %d", i)); err != nil {
			return err
		}
	}
	return nil
}

// arrives waits until mia has got your message of a number.
func (w *world) arrives(mark, number int) {
	w.t.Helper()
	w.said(mark, relay, fmt.Sprintf("<you> out %d", number))
}

// appears waits until you have got mia's message of a number.
func (w *world) appears(room id.RoomID, number int) {
	w.t.Helper()
	w.message(0, room, ghost("mia"), event.MsgText, fmt.Sprintf("in %d", number))
}

// onIRCSide are the numbers of your messages, as mia got them.
func (w *world) onIRCSide(mark int) (numbers []int) {
	for _, l := range w.mia.Since(mark) {
		if l.Command == "PRIVMSG" && l.Nick() == relay {
			numbers = w.number(numbers, "<you> out ", l.Params[1])
		}
	}
	return numbers
}

// onMatrixSide are the numbers of mia's messages, as you got them. They are not
// taken from User.Timeline, see there.
func (w *world) onMatrixSide(room id.RoomID) (numbers []int) {
	w.t.Helper()
	for _, e := range w.you.Since(0) {
		if e.RoomID == room && e.Type == event.EventMessage && e.Sender == ghost("mia") {
			numbers = w.number(numbers, "in ", e.Content.AsMessage().Body)
		}
	}
	return numbers
}

func (w *world) number(list []int, prefix, text string) []int {
	m := regexp.MustCompile("^" + prefix + `(\d+)$`).FindStringSubmatch(text)
	if m == nil {
		return list
	}
	n, err := strconv.Atoi(m[1])
	check(w.t, err)
	return append(list, n)
}

// complete checks that the numbers are 1 to n in order, but for at most doubles
// that come twice, next to each other.
func complete(numbers []int, n, doubles int) error {
	if err := ordered(numbers, doubles); err != nil {
		return err
	}
	if once := slices.Compact(slices.Clone(numbers)); len(once) != n {
		return fmt.Errorf("there are %d of %d messages: %v", len(once), n, numbers)
	}
	return nil
}

// ordered checks that the numbers only grow, but for at most doubles that come
// twice, next to each other.
func ordered(numbers []int, doubles int) error {
	if !slices.IsSorted(numbers) {
		return fmt.Errorf("the order is lost: %v", numbers)
	}
	if twice := len(numbers) - len(slices.Compact(slices.Clone(numbers))); twice > doubles {
		return fmt.Errorf("%d came twice, at most %d may: %v", twice, doubles, numbers)
	}
	return nil
}

// completeButOne checks that the numbers are 1 to n in order, if one of them may
// be overlooked that came late or a second time.
func completeButOne(numbers []int, n int) error {
	for i, late := range numbers {
		rest := slices.Delete(slices.Clone(numbers), i, i+1)
		if complete(rest, n, 0) == nil || complete(rest, n-1, 0) == nil && !slices.Contains(rest, late) {
			return nil
		}
	}
	return fmt.Errorf("more than one is late, double or missing: %v", numbers)
}

// counted reports what a check has found on one side.
func (w *world) counted(where string, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Errorf("the messages %s: %v", where, err)
	}
}

// TestCount proves that the counting notices what is wrong.
func TestCount(t *testing.T) {
	for _, c := range []struct {
		numbers []int
		butOne  bool // completeButOne accepts it
		doubles int  // that complete has to allow for; -1: it never accepts it
	}{
		{[]int{1, 2, 3, 4}, true, 0},
		{[]int{1, 2, 2, 3, 4}, true, 1},
		{[]int{1, 2, 3, 2, 4}, true, -1},
		{[]int{1, 3, 4, 2}, true, -1},
		{[]int{1, 2, 4}, false, -1},
		{[]int{1, 2, 2, 3, 3, 4}, false, 2},
		{[]int{4, 3, 2, 1}, false, -1},
		{nil, false, -1},
	} {
		if err := completeButOne(c.numbers, 4); (err == nil) != c.butOne {
			t.Errorf("completeButOne(%v): %v", c.numbers, err)
		}
		for doubles := range 4 {
			if err := complete(c.numbers, 4, doubles); (err == nil) != (c.doubles >= 0 && doubles >= c.doubles) {
				t.Errorf("complete(%v) with %d doubles: %v", c.numbers, doubles, err)
			}
		}
	}
}
