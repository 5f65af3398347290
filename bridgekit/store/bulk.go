package store

import (
	"fmt"
	"strings"
)

// A Bulk is a statement that takes many rows at once, which costs half as much
// as a statement for each: Head, then Row for each row, separated by commas,
// then Tail.
type Bulk struct {
	Head, Row, Tail string
}

// BulkSize is how many of n rows to take into the next statement: one of few
// sizes, so that few texts are compiled.
func BulkSize(n int) int {
	for _, size := range []int{64, 16, 4} {
		if n >= size {
			return size
		}
	}
	return 1
}

// Text is the statement for n rows, where n comes from BulkSize.
func (b Bulk) Text(n int) string {
	return b.Head + b.Row + strings.Repeat(", "+b.Row, n-1) + b.Tail
}

// A heap is what a transaction has collected for a Bulk.
type heap struct {
	bulk Bulk
	lead []any
	rows [][]any
}

// Add does a row of a Bulk, together with others: before the transaction's next
// statement, or before it commits. The arguments of Head are those of the first row.
func (tx *Tx) Add(b Bulk, lead, row []any) {
	for i := range tx.heaps {
		if tx.heaps[i].bulk == b {
			tx.heaps[i].rows = append(tx.heaps[i].rows, row)
			return
		}
	}
	tx.heaps = append(tx.heaps, heap{b, lead, [][]any{row}})
}

// flush does what was added.
func (tx *Tx) flush() error {
	heaps := tx.heaps
	tx.heaps = nil
	for _, h := range heaps {
		for rows := h.rows; len(rows) > 0; {
			n := BulkSize(len(rows))
			args := append([]any{}, h.lead...)
			for _, r := range rows[:n] {
				args = append(args, r...)
			}
			if _, err := tx.Exec(h.bulk.Text(n), args...); err != nil {
				return fmt.Errorf("write %d rows: %w", n, err)
			}
			rows = rows[n:]
		}
	}
	return nil
}
