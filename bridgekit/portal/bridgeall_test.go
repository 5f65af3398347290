package portal

import "testing"

func TestChooses(t *testing.T) {
	for _, c := range []struct {
		patterns      []string
		name          string
		chosen, exact bool
	}{
		{nil, "#general", true, false},
		{[]string{"!random"}, "#general", true, false},
		{[]string{"!random"}, "#Random", false, false},
		{[]string{"team-*"}, "#team-a", true, false},
		{[]string{"team-*"}, "#general", false, false},
		{[]string{"#team-*", "!#team-x"}, "#team-x", false, false},
		{[]string{"!team-x", "team-x"}, "#team-x", false, false},
		{[]string{"Secret"}, "#secret", true, true},
		{[]string{"secret*"}, "#secret", true, false},
		{[]string{"team-?", "team-a"}, "team-a", true, true},
	} {
		if chosen, exact := chooses(c.patterns, c.name); chosen != c.chosen || exact != c.exact {
			t.Errorf("%v choose %s: %v, exactly %v; want %v, %v", c.patterns, c.name, chosen, exact, c.chosen, c.exact)
		}
	}
	for _, bad := range []string{"[", "!", "#", ""} {
		if checkPatterns([]string{bad}) == nil {
			t.Errorf("the pattern %q was taken", bad)
		}
	}
}
