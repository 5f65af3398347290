package matrixtest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// A keySync is what /sync says about encryption.
type keySync struct {
	Next     string `json:"next_batch"`
	ToDevice struct {
		Events []struct {
			Type, Sender string
			Content      object
		}
	} `json:"to_device"`
	Lists struct {
		Changed, Left []string
	} `json:"device_lists"`
	Counts   map[string]int `json:"device_one_time_keys_count"`
	Fallback *[]string      `json:"device_unused_fallback_key_types"`
}

func keysOf(t *testing.T, u *matrixtest.User, since string) (k keySync) {
	t.Helper()
	if err := u.Do("GET", "sync?timeout=0&since="+since, nil, &k); err != nil {
		t.Fatal(err)
	}
	return k
}

func deviceOf(t *testing.T, u *matrixtest.User) string {
	t.Helper()
	var who struct {
		Device string `json:"device_id"`
	}
	if err := u.Do("GET", "account/whoami", nil, &who); err != nil {
		t.Fatal(err)
	}
	return who.Device
}

// must makes a request that works, and returns the answer.
func must(t *testing.T, u *matrixtest.User, method, path string, body any) (out object) {
	t.Helper()
	if err := u.Do(method, path, body, &out); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return out
}

func identity(user, device, key string) object {
	return object{"user_id": user, "device_id": device, "algorithms": []string{}, "keys": object{"ed25519:" + device: key}, "signatures": object{user: object{"ed25519:" + device: "s"}}}
}

// TestKeys: uploading, asking, and claiming each key once.
func TestKeys(t *testing.T) {
	r := newRig(t, matrixtest.Options{})
	alice, bob := r.CreateUser("alice", ""), r.CreateUser("bob", "")
	dev := deviceOf(t, alice)
	upload := object{
		"device_keys":   identity(alice.ID, dev, "A"),
		"one_time_keys": object{"signed_curve25519:1": object{"key": "1"}, "signed_curve25519:2": object{"key": "2"}},
		"fallback_keys": object{"signed_curve25519:f": object{"key": "f", "fallback": true}},
	}
	for range 2 { // the same again changes nothing
		if out := must(t, alice, "POST", "keys/upload", upload); fmt.Sprint(out) != "map[one_time_key_counts:map[signed_curve25519:2]]" {
			t.Errorf("upload: %v", out)
		}
	}
	for name, body := range map[string]object{
		"another key of the same name": {"one_time_keys": object{"signed_curve25519:1": object{"key": "x"}}},
		"of another device":            {"device_keys": identity(alice.ID, "OTHER", "A")},
		"of another user":              {"device_keys": identity(bob.ID, dev, "A")},
	} {
		if err := alice.Do("POST", "keys/upload", body, nil); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if status, _, _ := r.request(t.Context(), token, "POST", as("keys/upload", bot), upload); status != 400 {
		t.Errorf("an appservice uploads without a device: %d", status)
	}
	var got struct {
		Devices map[string]map[string]struct {
			Keys     object
			Unsigned object
		} `json:"device_keys"`
	}
	query := object{"device_keys": object{alice.ID: []string{}, "@nobody:test": []string{}}}
	if err := bob.Do("POST", "keys/query", query, &got); err != nil || got.Devices[alice.ID][dev].Keys["ed25519:"+dev] != "A" || got.Devices[alice.ID][dev].Unsigned["device_display_name"] != "test" {
		t.Errorf("query: %+v, %v", got, err)
	}
	var claimed []string
	for range 4 {
		out := must(t, bob, "POST", "keys/claim", object{"one_time_keys": object{alice.ID: object{dev: "signed_curve25519"}}})
		keys := out["one_time_keys"].(object)[alice.ID].(object)[dev].(object)
		for name := range keys {
			claimed = append(claimed, name)
		}
	}
	if want := []string{"signed_curve25519:1", "signed_curve25519:2", "signed_curve25519:f", "signed_curve25519:f"}; !slices.Equal(claimed, want) {
		t.Errorf("claimed %v", claimed)
	}
	if k := keysOf(t, alice, ""); k.Counts["signed_curve25519"] != 0 || k.Fallback == nil || len(*k.Fallback) != 0 {
		t.Errorf("sync: %+v", k)
	}
}

// TestToDevice: messages wait for their device until it has asked from a later
// position.
func TestToDevice(t *testing.T) {
	r := newRig(t, matrixtest.Options{})
	alice, bob := r.CreateUser("alice", ""), r.CreateUser("bob", "")
	second := r.User(alice.ID)
	first := keysOf(t, alice, "")
	send := func(txn, device, text string) {
		must(t, bob, "PUT", "sendToDevice/m.test/"+txn, object{"messages": object{alice.ID: object{device: object{"text": text}}}})
	}
	send("1", deviceOf(t, alice), "one")
	send("1", deviceOf(t, alice), "one") // a repetition
	send("2", "*", "all")
	send("3", "NONE", "nobody")
	for range 2 {
		k := keysOf(t, alice, first.Next)
		if len(k.ToDevice.Events) != 2 || k.ToDevice.Events[0].Content["text"] != "one" || k.ToDevice.Events[1].Sender != bob.ID || k.ToDevice.Events[1].Type != "m.test" {
			t.Fatalf("sync: %+v", k)
		}
	}
	next := keysOf(t, alice, first.Next).Next
	if k := keysOf(t, alice, next); len(k.ToDevice.Events) != 0 {
		t.Errorf("after it: %+v", k)
	}
	if k := keysOf(t, alice, first.Next); len(k.ToDevice.Events) != 0 {
		t.Errorf("kept after they arrived: %+v", k)
	}
	if k := keysOf(t, second, ""); len(k.ToDevice.Events) != 1 || k.ToDevice.Events[0].Content["text"] != "all" {
		t.Errorf("the second device: %+v", k)
	}
	// Many come in pieces.
	for i := range 150 {
		send(fmt.Sprint("m", i), deviceOf(t, alice), fmt.Sprint(i))
	}
	k := keysOf(t, alice, next)
	more := keysOf(t, alice, k.Next)
	if len(k.ToDevice.Events) != 100 || len(more.ToDevice.Events) != 50 || more.ToDevice.Events[0].Content["text"] != "100" {
		t.Errorf("%d and %d of 150", len(k.ToDevice.Events), len(more.ToDevice.Events))
	}
}

// TestDeviceLists: one is told of devices of those one shares a room with, and of
// those who come and go.
func TestDeviceLists(t *testing.T) {
	r := newRig(t, matrixtest.Options{})
	alice, bob := r.CreateUser("alice", ""), r.CreateUser("bob", "")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	since := keysOf(t, alice, "").Next
	step := func(what string, changed, left []string) {
		t.Helper()
		k := keysOf(t, alice, since)
		if !slices.Equal(k.Lists.Changed, changed) || !slices.Equal(k.Lists.Left, left) {
			t.Errorf("%s: changed %v, left %v", what, k.Lists.Changed, k.Lists.Left)
		}
		since = k.Next
	}
	dev := deviceOf(t, bob)
	must(t, bob, "POST", "keys/upload", object{"device_keys": identity(bob.ID, dev, "B")})
	step("a stranger's keys", []string{}, []string{})
	bob.Join(room)
	step("join", []string{bob.ID}, []string{})
	step("nothing", []string{}, []string{})
	must(t, bob, "POST", "keys/upload", object{"device_keys": identity(bob.ID, dev, "C")})
	step("keys", []string{bob.ID}, []string{})
	r.RemoveDevice(bob.ID, dev)
	step("a device is removed", []string{bob.ID}, []string{})
	if err := bob.Do("GET", "account/whoami", nil, nil); err == nil {
		t.Error("the token of a removed device is good")
	}
	bob = r.User(bob.ID)
	bob.Leave(room)
	step("leave", []string{}, []string{bob.ID})
}

// TestCrossSigning: the first keys need nothing, others a password; signatures are
// shown.
func TestCrossSigning(t *testing.T) {
	for _, msc4190 := range []bool{true, false} {
		r := newRig(t, matrixtest.Options{}, func(reg *matrixtest.Registration) { reg.MSC4190 = msc4190 })
		upload := func(name string) int {
			key := func(usage string) object {
				return object{"user_id": bot, "usage": []string{usage}, "keys": object{"ed25519:" + name + usage: name + usage}}
			}
			status, _, _ := r.request(t.Context(), token, "POST", as("keys/device_signing/upload", bot),
				object{"master_key": key("master"), "self_signing_key": key("self_signing"), "user_signing_key": key("user_signing")})
			return status
		}
		want := 401
		if msc4190 {
			want = 200
		}
		if a, b, c := upload("A"), upload("A"), upload("B"); a != 200 || b != 200 || c != want {
			t.Errorf("MSC4190 %v: %d, again %d, others %d", msc4190, a, b, c)
		}
	}
	r := newRig(t, matrixtest.Options{})
	alice, bob := r.CreateUser("alice", ""), r.CreateUser("bob", "")
	dev := deviceOf(t, alice)
	must(t, alice, "POST", "keys/upload", object{"device_keys": identity(alice.ID, dev, "A")})
	signed := identity(alice.ID, dev, "A")
	signed["signatures"] = object{alice.ID: object{"ed25519:self": "sig"}}
	if out := must(t, alice, "POST", "keys/signatures/upload", object{alice.ID: object{dev: signed}}); len(out["failures"].(object)) != 0 {
		t.Errorf("sign: %v", out)
	}
	out := must(t, bob, "POST", "keys/query", object{"device_keys": object{alice.ID: []string{dev}}})
	raw, err := json.Marshal(out["device_keys"].(object)[alice.ID].(object)[dev].(object)["signatures"])
	if err != nil || string(raw) != fmt.Sprintf(`{%q:{%q:"s","ed25519:self":"sig"}}`, alice.ID, "ed25519:"+dev) {
		t.Errorf("signatures: %s", raw)
	}
	if out := must(t, bob, "POST", "keys/signatures/upload", object{alice.ID: object{dev: signed}}); len(out["failures"].(object)) != 1 {
		t.Errorf("somebody else signs: %v", out)
	}
}
