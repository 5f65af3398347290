package memnet_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/networktest"
)

// TestSuiteCatches shows for each case of the suite that it can fail: on a
// connector that breaks its rule, for the reason that it is broken.
func TestSuiteCatches(t *testing.T) {
	faults := map[string][]fault{}
	for _, f := range allFaults() {
		faults[f.of] = append(faults[f.of], f)
	}
	for _, c := range networktest.Cases() {
		if len(faults[c.Name]) == 0 {
			t.Errorf("no fault shows that case %s can fail", c.Name)
		}
		for i, f := range faults[c.Name] {
			t.Run(fmt.Sprint(c.Name, i), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
					defer func() { // and let what the fault left behind end
						cancel()
						<-time.After(2 * time.Hour)
					}()
					why, err := networktest.Check(ctx, c, newBroken(f))
					switch {
					case why != "":
						t.Errorf("the case does not apply: %s", why)
					case err == nil:
						t.Error("the case passes on a connector that breaks its rule")
					case !slices.ContainsFunc(strings.Split(f.says, " | "), func(s string) bool { return strings.Contains(err.Error(), s) }):
						t.Errorf("the case complains about something else than %q: %v", f.says, err)
					}
				})
			})
		}
		delete(faults, c.Name)
	}
	for name := range faults {
		t.Errorf("there is a fault for %s, which is no case", name)
	}
}

// TestConformanceVirtualTime shows that memnet works in a synctest bubble.
func TestConformanceVirtualTime(t *testing.T) {
	for _, c := range networktest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				if _, err := networktest.Check(ctx, c, newBroken(fault{})); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
