//go:build race

package large

// raced: the race detector's memory is not Causeway's.
const raced = true
