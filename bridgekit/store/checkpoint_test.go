package store_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// SQLite's log is copied into the file while writing goes on, or it would grow until
// the end.
func TestLogCopied(t *testing.T) {
	source := storetest.SQLite(t)
	db := storetest.Source(t, source)()
	const size = 100 << 10
	value := string(bytes.Repeat([]byte("x"), size))
	deadline := time.Now().Add(2 * time.Minute)
	for i := 0; ; i++ {
		err := db.Write(t.Context(), 512, func(tx *store.Tx) error {
			_, err := tx.Exec("INSERT INTO fact (name, value) VALUES (?, ?)", fmt.Sprint(i), value)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Stat(strings.TrimPrefix(source, "sqlite:"))
		if err != nil {
			t.Fatal(err)
		}
		if f.Size() > 4*size {
			return
		}
		if i >= 400 || time.Now().After(deadline) {
			t.Fatalf("after %d rows of %d bytes the file has %d", i+1, size, f.Size())
		}
	}
}
