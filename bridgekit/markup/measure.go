package markup

import (
	"unicode/utf16"
	"unicode/utf8"
)

// A Measure says how long a text is by the rules of one network: how many
// bytes, UTF-16 units or characters it takes there. It gets a normal tree and
// may render it to the network's own format to be exact; Matrix counts the
// bytes of HTML and plain text together. More text must not measure less.
// Split calls it some 15 times per part, with texts about as long as a part.
type Measure func(Body) int

// Bytes measures the bytes of the plain text.
func Bytes(b Body) int { return len(b.String()) }

// Runes measures the code points of the plain text.
func Runes(b Body) int { return utf8.RuneCountInString(b.String()) }

// UTF16 measures the UTF-16 code units of the plain text, as Telegram and
// everything written in JavaScript or Java count.
func UTF16(b Body) int {
	n := 0
	for _, r := range b.String() {
		n += utf16.RuneLen(r)
	}
	return n
}

// Len is the length of b in its normal form; a nil measure means Bytes.
func Len(b Body, m Measure) int {
	if m == nil {
		m = Bytes
	}
	return m(Normalize(b))
}
