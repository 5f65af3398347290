package record_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/testbed/record"
)

func even(n int) bool { return n%2 == 0 }

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l record.Log[int]
		go func() {
			for n := 1; n <= 4; n++ {
				time.Sleep(time.Second)
				l.Append(n)
			}
		}()
		got, mark, err := l.Wait(t.Context(), 0, even)
		if got != 2 || mark != 2 || err != nil {
			t.Fatalf("first wait: %d, mark %d, %v", got, mark, err)
		}
		got, mark, err = l.Wait(t.Context(), mark, even)
		if got != 4 || mark != 4 || err != nil {
			t.Fatalf("second wait: %d, mark %d, %v", got, mark, err)
		}
		if all := l.Since(1); !slices.Equal(all, []int{2, 3, 4}) {
			t.Fatalf("since 1: %v", all)
		}
		if l.Mark() != 4 || len(l.Since(9)) != 0 {
			t.Fatalf("mark %d, since 9 %v", l.Mark(), l.Since(9))
		}
	})
}

func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l record.Log[int]
		l.Append(1)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		if _, _, err := l.Wait(ctx, 0, even); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("wait past the deadline: %v", err)
		}
		cut := errors.New("cut")
		go func() {
			time.Sleep(time.Second)
			l.Close(cut)
			l.Close(errors.New("second"))
		}()
		if _, _, err := l.Wait(t.Context(), 0, even); !errors.Is(err, cut) {
			t.Fatalf("wait on a closed log: %v", err)
		}
		if _, _, err := l.Wait(t.Context(), 0, even); !errors.Is(err, cut) {
			t.Fatalf("wait on a log closed before: %v", err)
		}
		if got, _, err := l.Wait(t.Context(), 0, func(int) bool { return true }); got != 1 || err != nil {
			t.Fatalf("read of a closed log: %d, %v", got, err)
		}
	})
}
