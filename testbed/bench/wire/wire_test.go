package wire

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// note is Note with the number of arrivals it returned.
func note(t *testing.T, tally *Tally, number int, chat, key string) {
	t.Helper()
	if _, err := tally.Note(number, chat, key); err != nil {
		t.Fatal(err)
	}
}

// TestTally: what is missing, double, out of order or repeated is counted.
func TestTally(t *testing.T) {
	var tally Tally
	if err := tally.Keep(filepath.Join(t.TempDir(), "tally")); err != nil {
		t.Fatal(err)
	}
	if err := tally.Expect(10, 5); err != nil {
		t.Fatal(err)
	}
	note(t, &tally, 9, "a", "before")
	note(t, &tally, 15, "a", "behind")
	note(t, &tally, 12, "a", "k12")
	note(t, &tally, 10, "a", "k10") // behind 12
	note(t, &tally, 11, "b", "k11")
	note(t, &tally, 11, "b", "k11")   // recognised
	note(t, &tally, 11, "b", "other") // double
	a := tally.Wait(Waiting{N: 3})
	if a.N != 3 || a.Disordered != 1 || a.Recognised != 1 || a.Doubled != 1 {
		t.Errorf("%+v", a)
	}
	if a.At[0] == 0 || a.At[1] == 0 || a.At[2] == 0 || a.At[3] != 0 {
		t.Errorf("arrivals %v", a.At)
	}
}

// TestTallyOutlives: another process finds what has arrived, and knows a
// repetition.
func TestTallyOutlives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tally")
	var before, after Tally
	if err := before.Keep(path); err != nil {
		t.Fatal(err)
	}
	if err := before.Expect(1, 3); err != nil {
		t.Fatal(err)
	}
	note(t, &before, 2, "a", "key")
	if err := after.Keep(path); err != nil {
		t.Fatal(err)
	}
	note(t, &after, 2, "a", "key")
	note(t, &after, 3, "a", "")
	a := after.Wait(Waiting{N: 2})
	if a.N != 2 || a.Recognised != 1 || a.Doubled != 0 || a.At[0] != 0 || a.At[1] == 0 {
		t.Errorf("%+v", a)
	}
}

// TestWait: it ends with the last message, with the silence after some, or with
// patience.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tally Tally
		if err := tally.Expect(0, 10); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		tally.Wait(Waiting{N: 1, Most: time.Minute, Quiet: time.Second})
		if took := time.Since(began); took != time.Minute {
			t.Errorf("nothing came, and it took %v", took)
		}
		note(t, &tally, 0, "a", "")
		began = time.Now()
		tally.Wait(Waiting{N: 2, Most: time.Minute, Quiet: time.Second})
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("one came, and it took %v", took)
		}
		go func() {
			time.Sleep(3 * time.Second)
			note(t, &tally, 1, "a", "")
		}()
		began = time.Now()
		tally.Wait(Waiting{N: 2, Most: time.Minute})
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("both came, and it took %v", took)
		}
	})
}

// TestNumbers: a number is read from what a message says, however it comes.
func TestNumbers(t *testing.T) {
	content, err := json.Marshal(map[string]any{"msgtype": "m.text", "body": Body(4711)})
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := NumberIn(content); !ok || n != 4711 {
		t.Errorf("%d, %v from %s", n, ok, content)
	}
	if n, ok := Number(Body(4711)); !ok || n != 4711 {
		t.Errorf("%d, %v", n, ok)
	}
	for _, text := range []string{"", "4711", "#x"} {
		if _, ok := Number(text); ok {
			t.Errorf("%q has a number", text)
		}
		if _, ok := NumberIn([]byte(`{"body":"` + text + `"}`)); ok {
			t.Errorf("%q has a number in JSON", text)
		}
	}
	c := Chats{Prefix: "c", N: 3, Members: 12}
	if chat := c.Chat(4); chat != "c-1-12" || Members(chat) != 12 || Member(chat, 2) != "c-1-12.2" {
		t.Errorf("chat %q", chat)
	}
}
