// Package convert turns IRC's formatting codes into a markup tree and back.
//
// Everything in it is a pure function of its arguments: nothing is stored, no
// I/O is done and no goroutine is started, so all of it may be called
// concurrently. [Parse] reads a line from IRC, [Render] makes lines for IRC, and
// [Line.Fit] cuts a line into pieces of at most so many bytes, each of which
// carries its own formatting.
//
// The codes are those of https://modern.ircdocs.horse/formatting: bold 0x02,
// italic 0x1D, underline 0x1F, strike 0x1E, monospace 0x11, colour 0x03 with 99
// colours, hex colour 0x04, reverse 0x16 and reset 0x0F.
package convert
