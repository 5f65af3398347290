package wire

import (
	"bytes"
	"strconv"
	"strings"
)

// A Load is messages to send, numbered from First, dealt to the chats in turn.
type Load struct {
	First, Count int
	Chats        Chats
	Rate         float64 // per second; 0: as fast as it is taken
	File         int64   // each carries a file of so many bytes
}

// Chats are N chats with Members people each, named after Prefix.
type Chats struct {
	Prefix  string
	N       int
	Members int
}

// Chat is the ID of the chat of message number i, which is its name as well.
func (c Chats) Chat(i int) string {
	return c.Prefix + "-" + strconv.Itoa(i%c.N) + "-" + strconv.Itoa(max(c.Members, 1))
}

// Members is how many people are in a chat.
func Members(chat string) int {
	n, err := strconv.Atoi(chat[strings.LastIndexByte(chat, '-')+1:])
	if err != nil {
		return 1
	}
	return n
}

// Member is the ID of one of the people of a chat; 0 is who speaks.
func Member(chat string, i int) string { return chat + "." + strconv.Itoa(i) }

// Body is the text of message number i.
func Body(i int) string {
	return "#" + strconv.Itoa(i) + " Are you coming to the station at half past seven? The last train leaves from platform 4."
}

// Number is the number of the message whose text is body; false: it has none.
func Number(body string) (int, bool) {
	if len(body) == 0 || body[0] != '#' {
		return 0, false
	}
	end := strings.IndexByte(body, ' ')
	if end < 0 {
		end = len(body)
	}
	n, err := strconv.Atoi(body[1:end])
	return n, err == nil
}

// NumberIn is Number for the JSON of an event's content. It does not parse it,
// because the stub's time is the subjects' too.
func NumberIn(content []byte) (int, bool) {
	const field = `"body":"#`
	at := bytes.Index(content, []byte(field))
	if at < 0 {
		return 0, false
	}
	n, digits := 0, 0
	for _, c := range content[at+len(field):] {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int(c-'0')
		digits++
	}
	return n, digits > 0
}
