package conversation

import (
	"reflect"
	"testing"
)

// A seed gives one script. It has 200 messages, and everybody does all that they can.
func TestScript(t *testing.T) {
	for seed := range uint64(20) {
		s := Write(seed, Fake)
		if !reflect.DeepEqual(s.Acts, Write(seed, Fake).Acts) {
			t.Errorf("seed %d gives two scripts", seed)
		}
		messages, does := 0, map[Side]map[Kind]int{}
		for _, a := range s.Acts {
			if a.Kind.makes() {
				messages++
			}
			if does[a.Side] == nil {
				does[a.Side] = map[Kind]int{}
			}
			does[a.Side][a.Kind]++
			if !a.Side.Can(a.Kind) || a.Of >= a.N {
				t.Errorf("seed %d: %+v is not possible", seed, a)
			}
		}
		if messages != 200 {
			t.Errorf("seed %d has %d messages", seed, messages)
		}
		if seed != 2 {
			continue // chance may leave something out
		}
		for _, side := range Sides() {
			for _, k := range []Kind{Say, Reply, File, Edit, Remove, React, Unreact} {
				if (does[side][k] > 0) != side.Can(k) {
					t.Errorf("on %s somebody does %s %d times", side, k, does[side][k])
				}
			}
		}
	}
}

// In the phase in which a network is cut off nobody waits for it.
func TestScriptCut(t *testing.T) {
	for _, cut := range []Side{Insp, Fake, Mem} {
		s := Write(1, cut)
		for _, a := range s.Acts {
			if a.Phase != cutPhase || a.Of < 0 {
				continue
			}
			of := s.Acts[a.Of]
			if a.Kind == Unreact {
				of = s.Acts[of.Of]
			}
			if (a.Side == cut) != (of.Side == cut) {
				t.Errorf("%s is cut off: %+v is about %+v", cut, a, of)
			}
		}
	}
}
