package matrixtest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// A deviceKeys is what a device has published, and what waits for it.
type deviceKeys struct {
	identity json.RawMessage // device_keys; nil: not uploaded
	onceOnly []oneTimeKey    // oldest first
	fallback map[string]*oneTimeKey
	inbox    []toDevice
}

// A oneTimeKey is a one-time key or a fallback key.
type oneTimeKey struct {
	id   string // algorithm:name
	key  json.RawMessage
	used bool // of a fallback key
}

// A toDevice is a message that waits for its device.
type toDevice struct {
	pos int64
	raw json.RawMessage
}

// crossSigning are the public cross-signing keys of a user; nil: none.
type crossSigning struct {
	master, self, user json.RawMessage
}

// toDeviceBatch is how many messages one /sync holds at most, as with Synapse.
const toDeviceBatch = 100

// device is the record of a device's keys, made if needed. Called under
// Server.mu.
func (u *user) device(id string) *deviceKeys {
	if u.keys == nil {
		u.keys = map[string]*deviceKeys{}
	}
	if u.keys[id] == nil {
		u.keys[id] = &deviceKeys{fallback: map[string]*oneTimeKey{}}
	}
	return u.keys[id]
}

// dropDevice ends a device, its tokens and its keys. Called under Server.mu.
func (hs *Server) dropDevice(u *user, id string) {
	maps.DeleteFunc(hs.sessions, func(_ string, s session) bool { return s.service == nil && s.user == u && s.device == id })
	delete(u.devices, id)
	if d := u.keys[id]; d != nil && d.identity != nil {
		u.keysPos = hs.nextPos()
	}
	delete(u.keys, id)
	hs.changed()
}

// algorithm is the part of a key ID before the colon.
func algorithm(keyID string) string {
	name, _, _ := strings.Cut(keyID, ":")
	return name
}

// uploadKeys serves POST /keys/upload.
func (c *call) uploadKeys() (any, *Error) {
	var req struct {
		Device   json.RawMessage            `json:"device_keys"`
		OnceOnly map[string]json.RawMessage `json:"one_time_keys"`
		Fallback map[string]json.RawMessage `json:"fallback_keys"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if c.auth.device == "" {
		return nil, badRequest(codeUnknown, "To upload keys, you must pass device_id when authenticating")
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	u := c.auth.user
	d := u.device(c.auth.device)
	if req.Device != nil {
		if textOf(req.Device, "user_id") != u.id || textOf(req.Device, "device_id") != c.auth.device {
			return nil, badRequest(codeInvalidParam, "device_keys are of another user or device")
		}
		if !sameKeys(d.identity, req.Device) {
			d.identity = req.Device
			u.keysPos = c.hs.nextPos()
		}
	}
	for _, id := range slices.Sorted(maps.Keys(req.OnceOnly)) {
		i := slices.IndexFunc(d.onceOnly, func(k oneTimeKey) bool { return k.id == id })
		switch {
		case i < 0:
			d.onceOnly = append(d.onceOnly, oneTimeKey{id: id, key: req.OnceOnly[id]})
		case !sameKeys(d.onceOnly[i].key, req.OnceOnly[id]):
			return nil, badRequest(codeUnknown, "One time key %s already exists.", id)
		}
	}
	if c.hs.opts.Flavor == Synapse { // Dendrite 0.13 does not know them
		for id, key := range req.Fallback {
			if old := d.fallback[algorithm(id)]; old == nil || old.id != id {
				d.fallback[algorithm(id)] = &oneTimeKey{id: id, key: key}
			}
		}
	}
	c.hs.changed()
	return map[string]any{"one_time_key_counts": d.counts()}, nil
}

// sameKeys compares two signed objects without what the server adds.
func sameKeys(a, b json.RawMessage) bool {
	var x, y map[string]any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	for _, m := range []map[string]any{x, y} {
		delete(m, "unsigned")
		delete(m, "signatures")
	}
	return string(mustJSON(x)) == string(mustJSON(y))
}

// counts are the one-time keys left, by algorithm.
func (d *deviceKeys) counts() map[string]int {
	out := map[string]int{"signed_curve25519": 0}
	if d != nil {
		for _, k := range d.onceOnly {
			out[algorithm(k.id)]++
		}
	}
	return out
}

// queryKeys serves POST /keys/query.
func (c *call) queryKeys() (any, *Error) {
	var req struct {
		Devices map[string][]string `json:"device_keys"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	devices := map[string]map[string]json.RawMessage{}
	master, self, own := map[string]json.RawMessage{}, map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for id, only := range req.Devices {
		devices[id] = map[string]json.RawMessage{}
		u := c.hs.users[id]
		if u == nil {
			continue
		}
		for name, d := range u.keys {
			if d.identity != nil && (len(only) == 0 || slices.Contains(only, name)) {
				devices[id][name] = withName(d.identity, u.devices[name])
			}
		}
		for into, key := range map[*map[string]json.RawMessage]json.RawMessage{&master: u.cross.master, &self: u.cross.self} {
			if key != nil {
				(*into)[id] = key
			}
		}
		if u == c.auth.user && u.cross.user != nil {
			own[id] = u.cross.user
		}
	}
	return map[string]any{"device_keys": devices, "master_keys": master, "self_signing_keys": self, "user_signing_keys": own, "failures": object{}}, nil
}

// withName adds the display name of a device to its keys.
func withName(identity json.RawMessage, name string) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(identity, &fields) != nil {
		return identity
	}
	fields["unsigned"] = mustJSON(map[string]string{"device_display_name": name})
	return mustJSON(fields)
}

// claimKeys serves POST /keys/claim: the oldest one-time key, else the fallback
// key.
func (c *call) claimKeys() (any, *Error) {
	var req struct {
		Keys map[string]map[string]string `json:"one_time_keys"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	out := map[string]map[string]map[string]json.RawMessage{}
	for id, devices := range req.Keys {
		for name, alg := range devices {
			u := c.hs.users[id]
			if u == nil || u.keys[name] == nil {
				continue
			}
			if k, ok := u.keys[name].claim(alg); ok {
				if out[id] == nil {
					out[id] = map[string]map[string]json.RawMessage{}
				}
				out[id][name] = map[string]json.RawMessage{k.id: k.key}
			}
		}
	}
	c.hs.changed()
	return map[string]any{"one_time_keys": out, "failures": object{}}, nil
}

func (d *deviceKeys) claim(alg string) (oneTimeKey, bool) {
	i := slices.IndexFunc(d.onceOnly, func(k oneTimeKey) bool { return algorithm(k.id) == alg })
	if i >= 0 {
		k := d.onceOnly[i]
		d.onceOnly = slices.Delete(d.onceOnly, i, i+1)
		return k, true
	}
	if k := d.fallback[alg]; k != nil {
		k.used = true
		return *k, true
	}
	return oneTimeKey{}, false
}

// sendToDevice serves PUT /sendToDevice/{eventType}/{txnId}.
func (c *call) sendToDevice() (any, *Error) {
	var req struct {
		Messages map[string]map[string]json.RawMessage `json:"messages"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	for id, devices := range req.Messages {
		u := c.hs.users[id]
		if u == nil {
			continue
		}
		for name, content := range devices {
			raw := mustJSON(map[string]any{"type": c.param("eventType"), "sender": c.auth.user.id, "content": content})
			for device := range u.devices {
				if name == "*" || name == device {
					d := u.device(device)
					d.inbox = append(d.inbox, toDevice{c.hs.nextPos(), raw})
				}
			}
		}
	}
	c.hs.changed()
	return nil, nil
}

// uploadCrossSigning serves POST /keys/device_signing/upload. Keys that are there
// are replaced only by who proves to be the user, which an appservice cannot
// unless it was registered with MSC4190.
func (c *call) uploadCrossSigning() (any, *Error) {
	var req struct {
		Master json.RawMessage `json:"master_key"`
		Self   json.RawMessage `json:"self_signing_key"`
		User   json.RawMessage `json:"user_signing_key"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	u := c.auth.user
	free := c.auth.service != nil && c.auth.service.reg.MSC4190
	if u.cross.master != nil && !free && !sameKeys(u.cross.master, req.Master) {
		e := fail(http.StatusUnauthorized, codeUnknown, "User-interactive authentication needed")
		e.raw = json.RawMessage(`{"session":"x","flows":[{"stages":["m.login.password"]}],"params":{}}`)
		return nil, e
	}
	for at, key := range map[*json.RawMessage]json.RawMessage{&u.cross.master: req.Master, &u.cross.self: req.Self, &u.cross.user: req.User} {
		if key != nil {
			*at = key
		}
	}
	u.keysPos = c.hs.nextPos()
	c.hs.changed()
	return nil, nil
}

// uploadSignatures serves POST /keys/signatures/upload: signatures on one's own
// devices and keys, and on others' master keys, which only oneself sees.
func (c *call) uploadSignatures() (any, *Error) {
	var req map[string]map[string]json.RawMessage
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	failures := map[string]map[string]any{}
	for id, things := range req {
		for name, signed := range things {
			u := c.hs.users[id]
			if u == nil || id != c.auth.user.id || !u.sign(name, signed) {
				failures[id] = map[string]any{name: object{"errcode": "M_NOT_FOUND", "error": "No such key"}}
				continue
			}
			u.keysPos = c.hs.nextPos()
		}
	}
	c.hs.changed()
	return map[string]any{"failures": failures}, nil
}

// sign adds signatures to a device's keys or to the master key.
func (u *user) sign(name string, signed json.RawMessage) bool {
	if d := u.keys[name]; d != nil && sameKeys(d.identity, signed) {
		d.identity = mergeSignatures(d.identity, signed)
		return true
	}
	if sameKeys(u.cross.master, signed) {
		u.cross.master = mergeSignatures(u.cross.master, signed)
		return true
	}
	return false
}

func mergeSignatures(to, from json.RawMessage) json.RawMessage {
	var fields map[string]json.RawMessage
	var have, more struct {
		Signatures map[string]map[string]string `json:"signatures"`
	}
	if json.Unmarshal(to, &fields) != nil || json.Unmarshal(to, &have) != nil || json.Unmarshal(from, &more) != nil {
		return to
	}
	if have.Signatures == nil {
		have.Signatures = map[string]map[string]string{}
	}
	for user, list := range more.Signatures {
		if have.Signatures[user] == nil {
			have.Signatures[user] = map[string]string{}
		}
		maps.Copy(have.Signatures[user], list)
	}
	fields["signatures"] = mustJSON(have.Signatures)
	return mustJSON(fields)
}

// RemoveDevice removes a device, as its owner does in another client.
func (hs *Server) RemoveDevice(userID, device string) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if u := hs.users[userID]; u != nil {
		hs.dropDevice(u, device)
	}
}

// Keys counts a device's one-time keys that are left, and tells whether it has a
// fallback key that nobody has claimed.
func (hs *Server) Keys(userID, device string) (left int, fallback bool) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	u := hs.users[userID]
	if u == nil || u.keys[device] == nil {
		return 0, false
	}
	d := u.keys[device]
	return len(d.onceOnly), len(d.unused()) > 0
}
