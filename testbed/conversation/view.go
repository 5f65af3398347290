package conversation

import (
	"slices"
	"strconv"
)

// An Item is a message as it stands on a side.
type Item struct {
	N, Rev  int    // which it is: its name in the script
	ID      string // on this side
	Own     bool   // said on this side, so no copy
	Of      Side   // by whose people; only in Matrix it can be told for copies
	Who     string // as whom it is shown, in small letters
	Text    string
	Reply   string // ID of what it answers
	Removed bool
	// Open fetches a file; nil if it is none.
	Open func() (string, error)
}

// A Mark is a reaction that stands.
type Mark struct{ Who, Emoji string }

// A View is what everybody on a side saw.
type View struct {
	Items []*Item // in the order in which they stand there
	// Edits are revisions that were shown after the message, by message, in order;
	// Old is what each says it was before, -1 if it does not.
	Edits map[int][]Edited
	// Marks are reactions by message, and how often each stands.
	Marks map[int]map[Mark]int
	// Notes are what the bot said, by the message that it is about; those of whose
	// message nobody knows are about -1.
	Notes   map[int][]string
	Strange []string // what has no place in the script
	// Came says when messages of the room came to Causeway, as a number; nil if that is
	// when they were said.
	Came map[int]int64
	// Nameless are messages that are on InspIRCd without Causeway's knowing as what,
	// because nobody could tell it whether they arrived: an answer to or from there
	// cannot point at them.
	Nameless map[int]bool

	byID map[string]*Item
}

// Edited is an edit that was shown.
type Edited struct{ Old, Rev int }

func newView() *View {
	return &View{Edits: map[int][]Edited{}, Marks: map[int]map[Mark]int{}, Notes: map[int][]string{}, byID: map[string]*Item{}}
}

func (v *View) add(i *Item) {
	v.Items = append(v.Items, i)
	v.byID[i.ID] = i
}

// mark adds n to a reaction on the message with an ID.
func (v *View) mark(id string, m Mark, n int) {
	i := v.byID[id]
	if i == nil {
		v.Strange = append(v.Strange, m.Who+" reacts to what is not there: "+id)
		return
	}
	if v.Marks[i.N] == nil {
		v.Marks[i.N] = map[Mark]int{}
	}
	if v.Marks[i.N][m] += n; v.Marks[i.N][m] == 0 {
		delete(v.Marks[i.N], m)
	}
}

// find is the newest copy of a message that is there and not removed; nil if none is.
func (v *View) find(n int) *Item {
	for _, i := range slices.Backward(v.Items) {
		if i.N == n && !i.Removed {
			return i
		}
	}
	return nil
}

// nameOf reads the name that a text or a file's name begins with: "k017v2".
func nameOf(text string) (n, rev int, ok bool) {
	const length = len("k017v2")
	if len(text) < length || text[0] != 'k' || text[4] != 'v' || len(text) > length && text[length] != ' ' && text[length] != '.' {
		return 0, 0, false
	}
	n, err := strconv.Atoi(text[1:4])
	rev, bad := strconv.Atoi(text[5:6])
	return n, rev, err == nil && bad == nil
}
