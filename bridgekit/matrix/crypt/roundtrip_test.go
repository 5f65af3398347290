//go:build goolm

package crypt

import (
	"context"
	"strings"
	"testing"

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
			route, user string // what fails
			last, by    string // the request at which its step is reached
			words       string
		}{
			"keys do not come": {matrixtest.RouteSync, string(bot), matrixtest.RouteSend, doctor, "by /sync"},
			"no key is sent":   {matrixtest.RouteSendToDevice, string(bot), matrixtest.RouteSendToDevice, string(bot), "as the bot"},
			"no rooms":         {matrixtest.RouteCreateRoom, doctor, matrixtest.RouteCreateRoom, doctor, "test room"},
			"no device":        {matrixtest.RouteUploadKeys, doctor, matrixtest.RouteUploadKeys, doctor, "test device"},
		} {
			// It waits as long as it may; here that is until its step is reached.
			ctx, cancel := context.WithCancel(w.ctx)
			w.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
				if c.Route == one.last && c.User == one.by {
					cancel()
				}
				if c.Route == one.route && c.User == one.user {
					return matrixtest.Fault{Status: 500}
				}
				return matrixtest.Fault{}
			})
			w.hs.Restart() // ends the poll that waits
			if err := w.RoundTrip(ctx, doctor); err == nil || !strings.Contains(err.Error(), one.words) {
				t.Errorf("%s: %v", name, err)
			}
			cancel()
		}
		w.hs.Faults.Set(nil)
		w.stop()
	}
}
