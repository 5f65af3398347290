package bridgekit_test

import "testing"

// Somebody reads a message before the network has answered the call that sent it.
func TestReadBeforeAnswer(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		release := r.net.MuteChat("team")
		r.alice.SendText(room, "read me")
		r.hears("team", "alice", "read me")
		if err := r.net.User("carol").Read("team", r.message("team", "read me").ID); err != nil {
			t.Fatal(err)
		}
		r.say("carol", "team", "behind it")
		r.sees(room, "behind it")
		release()
		r.settle("team", room)
	})
}
