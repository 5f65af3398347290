//go:build goolm

package crypt

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// TestRoundTrip: it passes, leaves nothing, and names what is broken.
func TestRoundTrip(t *testing.T) {
	for _, flavor := range []matrixtest.Flavor{matrixtest.Synapse, matrixtest.Dendrite} {
		w := newWorld(t, matrixtest.Options{Flavor: flavor}, flavor == matrixtest.Synapse)
		w.start()
		const doctor = "@_cw_doctor:test"
		w.check(w.RoundTrip(w.ctx, doctor))
		w.check(w.RoundTrip(w.ctx, doctor)) // once more
		cli, err := w.h.Client(doctor)
		w.check(err)
		devices, err := cli.GetDevicesInfo(w.ctx)
		w.check(err)
		rooms, err := cli.JoinedRooms(w.ctx)
		w.check(err)
		if len(devices.Devices) != 0 || len(rooms.JoinedRooms) != 0 {
			t.Errorf("left: %+v, %+v", devices.Devices, rooms.JoinedRooms)
		}
		for name, one := range map[string]struct {
			route, user, words string
		}{
			"keys do not come": {matrixtest.RouteSync, string(bot), "by /sync"},
			"no key is sent":   {matrixtest.RouteSendToDevice, string(bot), "as the bot"},
			"no rooms":         {matrixtest.RouteCreateRoom, doctor, "test room"},
			"no device":        {matrixtest.RouteUploadKeys, doctor, "test device"},
		} {
			w.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
				if c.Route == one.route && c.User == one.user {
					return matrixtest.Fault{Status: 500}
				}
				return matrixtest.Fault{}
			})
			w.hs.Restart()                                            // ends the poll that waits
			ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second) // far above what the steps before take
			if err := w.RoundTrip(ctx, doctor); err == nil || !strings.Contains(err.Error(), one.words) {
				t.Errorf("%s: %v", name, err)
			}
			cancel()
		}
		w.hs.Faults.Set(nil)
		w.stop()
	}
}
