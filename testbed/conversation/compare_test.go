package conversation

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// perfect are views on which everything is as it is promised, if nothing had to wait.
func perfect(s *Script) map[Side]*View {
	views := map[Side]*View{}
	for _, side := range Sides() {
		v := newView()
		for _, a := range s.Acts {
			switch of := v.byID[name(a.Of)]; {
			case a.Kind.makes():
				i := &Item{N: a.N, ID: name(a.N), Own: a.Side == side, Of: a.Side, Who: a.Who, Text: s.Text(a.N, 0)}
				if a.Kind == Reply {
					i.Reply = name(a.Of)
				}
				if a.Kind == File {
					i.Text, i.Open = s.FileName(a.N), func() (string, error) { return s.FileData(a.N), nil }
				}
				v.add(i)
			case a.Kind == Edit:
				v.Edits[a.Of] = append(v.Edits[a.Of], Edited{a.Rev - 1, a.Rev})
			case a.Kind == Remove:
				of.Removed = side != Insp
				v.Notes[-1] = []string{"irc.insp cannot remove messages: it stays visible there."}
			}
		}
		for _, a := range s.Acts {
			want, _ := (&comparison{s: s, side: side}).wantMarks(a)
			v.Marks[a.N] = want
		}
		views[side] = v
	}
	return views
}

func name(n int) string { return "$" + string(rune('A'+n)) }

// item is a message on a side that nobody changes.
func item(s *Script, v *View, by Side) int {
	return slices.IndexFunc(v.Items, func(i *Item) bool {
		return s.Acts[i.N].Side == by && s.Acts[i.N].Kind == Say && !slices.ContainsFunc(s.Acts, func(a Act) bool { return a.Of == i.N })
	})
}

// What is not as promised is found, each for itself.
func TestCompareFinds(t *testing.T) {
	script := Write(1, Fake)
	lists := func(r *Report) map[string]int {
		all := map[string]int{"lost": len(r.Lost), "doubled": len(r.Doubled), "looped": len(r.Looped), "order": len(r.Order), "wrong": len(r.Wrong), "maybe": len(r.Maybe)}
		maps.DeleteFunc(all, func(_ string, n int) bool { return n == 0 })
		return all
	}
	marked := func(v *View) (n int, m Mark) {
		for n, all := range v.Marks {
			for m := range all {
				return n, m
			}
		}
		return 0, Mark{}
	}
	edited := slices.IndexFunc(script.Acts, func(a Act) bool { return a.Kind == Edit && a.Rev == 2 })
	for what, one := range map[string]struct {
		spoil func(v map[Side]*View)
		want  string
	}{
		"nothing": {func(map[Side]*View) {}, ""},
		"a copy is missing": {func(v map[Side]*View) {
			i := item(script, v[Mem], Insp)
			v[Mem].Items = slices.Delete(v[Mem].Items, i, i+1)
		}, "lost"},
		"a message is removed": {func(v map[Side]*View) { v[Fake].Items[item(script, v[Fake], Mem)].Removed = true }, "lost"},
		"a copy is there twice": {func(v map[Side]*View) {
			i := item(script, v[Fake], Mem)
			v[Fake].Items = slices.Insert(v[Fake].Items, i, v[Fake].Items[i])
		}, "doubled"},
		"a copy is there twice on InspIRCd, unmarked": {func(v map[Side]*View) {
			i := item(script, v[Insp], Mem)
			v[Insp].Items = slices.Insert(v[Insp].Items, i, v[Insp].Items[i])
		}, "doubled"},
		"a copy is there twice on InspIRCd, marked": {func(v map[Side]*View) {
			i := item(script, v[Insp], Mem)
			v[Matrix].Notes[v[Insp].Items[i].N] = []string{"it may appear twice on irc.insp."}
			v[Insp].Items = slices.Insert(v[Insp].Items, i, v[Insp].Items[i])
		}, "maybe"},
		"a message comes back": {func(v map[Side]*View) {
			i := item(script, v[Mem], Mem)
			v[Mem].Items = append(v[Mem].Items, v[Mem].Items[i])
		}, "looped"},
		"a message is in the room twice": {func(v map[Side]*View) {
			i := item(script, v[Matrix], Mem)
			v[Matrix].Items = append(v[Matrix].Items, v[Matrix].Items[i])
		}, "doubled"},
		"two of one side are swapped": {func(v map[Side]*View) {
			all := v[Insp].Items
			i := slices.IndexFunc(all, func(i *Item) bool { return script.Acts[i.N].Side == Matrix })
			j := i + 1 + slices.IndexFunc(all[i+1:], func(i *Item) bool { return script.Acts[i.N].Side == Matrix })
			all[i], all[j] = all[j], all[i]
		}, "order"},
		"two networks have another order": {func(v map[Side]*View) {
			all := v[Insp].Items
			i := slices.IndexFunc(all[1:], func(i *Item) bool { return script.Acts[i.N].Side == Matrix && script.Acts[i.N-1].Side == Mem })
			all[i], all[i+1] = all[i+1], all[i]
		}, "order"},
		"an edit is missing": {func(v map[Side]*View) { v[Fake].Edits[script.Acts[edited].Of] = []Edited{{0, 1}} }, "lost"},
		"an edit is told twice": {func(v map[Side]*View) {
			n := script.Acts[edited].Of
			v[Fake].Edits[n] = append(v[Fake].Edits[n], Edited{1, 2})
		}, "doubled"},
		"an edit says what was not there": {func(v map[Side]*View) { v[Fake].Edits[script.Acts[edited].Of] = []Edited{{0, 1}, {0, 2}} }, "wrong"},
		"a message waited and came as edited": {func(v map[Side]*View) {
			n := script.Acts[edited].Of
			v[Fake].Edits[n], v[Fake].find(n).Rev, v[Fake].find(n).Text = nil, 2, script.Text(n, 2)
		}, ""},
		"other words":          {func(v map[Side]*View) { v[Mem].Items[item(script, v[Mem], Insp)].Text += "?" }, "wrong"},
		"somebody else's name": {func(v map[Side]*View) { v[Mem].Items[item(script, v[Mem], Insp)].Who = "eve" }, "wrong"},
		"it answers something": {func(v map[Side]*View) { v[Mem].Items[item(script, v[Mem], Insp)].Reply = name(3) }, "wrong"},
		"it points at nothing": {func(v map[Side]*View) {
			v[Insp].Items[slices.IndexFunc(v[Insp].Items, func(i *Item) bool { return i.Reply != "" && !i.Own })].Reply = ""
		}, "wrong"},
		"it points at what has no name there": {func(v map[Side]*View) {
			i := v[Insp].Items[slices.IndexFunc(v[Insp].Items, func(i *Item) bool { return i.Reply != "" && !i.Own })]
			i.Reply, v[Insp].Nameless = "", map[int]bool{script.Acts[i.N].Of: true}
		}, ""},
		"a reaction is missing": {func(v map[Side]*View) {
			n, m := marked(v[Mem])
			delete(v[Mem].Marks[n], m)
		}, "lost"},
		"a reaction is there twice": {func(v map[Side]*View) {
			n, m := marked(v[Matrix])
			v[Matrix].Marks[n][m] = 2
		}, "doubled"},
		"a reaction nobody made": {func(v map[Side]*View) {
			n, _ := marked(v[Matrix])
			v[Matrix].Marks[n][Mark{"eve", "👎"}] = 1
		}, "wrong"},
		"a word from nowhere": {func(v map[Side]*View) { v[Matrix].Strange = []string{"eve says hello"} }, "wrong"},
	} {
		t.Run(what, func(t *testing.T) {
			views := perfect(script)
			one.spoil(views)
			r := Compare(script, views, 3)
			got := strings.Join(slices.Sorted(maps.Keys(lists(r))), " ")
			if got != one.want {
				t.Errorf("found is %q, not %q: %s", got, one.want, r)
			}
		})
	}
}

// Where the homeserver pushes late what was not acknowledged, the order in which it came
// counts, and nothing else.
func TestCompareLate(t *testing.T) {
	s := Write(1, Insp)
	swap := func(views map[Side]*View) (first, second int) {
		for _, side := range []Side{Insp, Fake, Mem} {
			items := views[side].Items
			var at []int
			for k, i := range items {
				if s.Acts[i.N].Side == Matrix && s.Acts[i.N].Kind == Say {
					at = append(at, k)
				}
			}
			a, b := at[0], at[1]
			first, second = items[a].N, items[b].N
			items[a], items[b] = items[b], items[a]
		}
		return first, second
	}
	views := perfect(s)
	first, second := swap(views)
	if r := Compare(s, views, 0); len(r.Order) == 0 {
		t.Error("it is out of order, and nobody says so")
	}
	views[Matrix].Came = map[int]int64{first: 20, second: 10}
	for _, words := range Compare(s, views, 0).Order {
		if strings.Contains(words, "is behind") && strings.Contains(words, string(Matrix)) && strings.Contains(words, strconv.Itoa(first)+" of matrix is behind ") {
			t.Error(words)
		}
	}
	views[Matrix].Came = map[int]int64{first: 10, second: 20}
	if r := Compare(s, views, 0); len(r.Order) == 0 {
		t.Error("it is out of order as it came, and nobody says so")
	}
}
