package convert

import (
	"fmt"
	"strconv"
)

// palette holds the colours 0 to 98 as six hexadecimal digits each.
const palette = "ffffff00000000007f009300ff00007f00009c009cfc7f00" +
	"ffff0000fc0000939300ffff0000fcff00ff7f7f7fd2d2d2" +
	"47000047210047470032470000470000472c0047470027470000472e004747004747002a" +
	"740000743a007474005174000074000074490074740040740000744b0074740074740045" +
	"b50000b56300b5b5007db50000b50000b57100b5b50063b50000b57500b5b500b5b5006b" +
	"ff0000ff8c00ffff00b2ff0000ff0000ffa000ffff008cff0000ffa500ffff00ffff0098" +
	"ff5959ffb459ffff71cfff606fff6f65ffc96dffff59b4ff5959ffc459ffff66ffff59bc" +
	"ff9c9cffd39cffff9ce2ff9c9cff9c9cffdb9cffff9cd3ff9c9cffdc9cffff9cffff94d3" +
	"0000001313132828283636364d4d4d6565658181819f9f9fbcbcbce2e2e2ffffff"

// colours is how many colours the palette has; 99 is the default colour.
const colours = len(palette) / 6

// Colour is the "#rrggbb" of an IRC colour number, empty for the default.
func Colour(n int) string {
	if n < 0 || n >= colours {
		return ""
	}
	return "#" + palette[6*n:6*n+6]
}

// Nearest is the number of the colour that looks most like hex ("#rrggbb"), the
// lowest of several. ok is false if hex is not a colour.
func Nearest(hex string) (n int, ok bool) {
	want, ok := rgb(hex)
	if !ok {
		return 0, false
	}
	best := -1
	for i := range colours {
		have, _ := rgb(Colour(i))
		d := 0
		for k := range want {
			d += (want[k] - have[k]) * (want[k] - have[k])
		}
		if best < 0 || d < best {
			best, n = d, i
		}
	}
	return n, true
}

// rgb reads "#rrggbb".
func rgb(hex string) (c [3]int, ok bool) {
	if len(hex) != 7 || hex[0] != '#' {
		return c, false
	}
	v, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		return c, false
	}
	return [3]int{int(v >> 16 & 255), int(v >> 8 & 255), int(v & 255)}, true
}

// code is the two digits of the colour nearest to hex, or of the default colour.
func code(hex string) string {
	n, ok := Nearest(hex)
	if !ok {
		n = 99
	}
	return fmt.Sprintf("%02d", n)
}
