package matrixtest

import (
	"encoding/json"
	"maps"
	"slices"
)

// crypto adds what /sync says about encryption to an answer, and reports whether
// there is news in it. Messages up to since are known to have arrived, and are
// forgotten.
func (s syncer) crypto(out map[string]any) bool {
	me := s.auth.user
	news := false
	if s.auth.device != "" {
		d := me.device(s.auth.device)
		d.inbox = slices.DeleteFunc(d.inbox, func(m toDevice) bool { return m.pos <= s.since })
		list := d.inbox[:min(len(d.inbox), toDeviceBatch)]
		raw := make([]json.RawMessage, len(list))
		for i, m := range list {
			raw[i] = m.raw
		}
		out["to_device"] = events{raw}
		out["device_one_time_keys_count"] = d.counts()
		if len(list) < len(d.inbox) {
			out["next_batch"] = token(list[len(list)-1].pos) // the rest comes next
		}
		if s.hs.opts.Flavor == Synapse {
			out["device_unused_fallback_key_types"] = d.unused()
		}
		news = len(list) > 0
	}
	changed, left := s.deviceLists()
	out["device_lists"] = map[string]any{"changed": changed, "left": left}
	return news || len(changed)+len(left) > 0
}

// unused are the algorithms of fallback keys that nobody has claimed.
func (d *deviceKeys) unused() []string {
	out := []string{}
	for alg, k := range d.fallback {
		if !k.used {
			out = append(out, alg)
		}
	}
	return out
}

// deviceLists are the people whose devices changed, or whose devices one sees from
// now on, and those whose devices one does not see any more (Client-Server API,
// "Tracking the device list for a user").
func (s syncer) deviceLists() (changed, left []string) {
	changed, left = []string{}, []string{}
	if s.since == 0 {
		return changed, left
	}
	me := s.auth.user
	shared, fresh, gone := map[string]bool{me.id: true}, map[string]bool{}, map[string]bool{}
	for rm := range me.rooms {
		mine := rm.get("m.room.member", me.id)
		joined := mine.membership == "join"
		for _, e := range rm.stateEvents() {
			if e.Type != "m.room.member" {
				continue
			}
			who, since := *e.StateKey, e.Pos > s.since || mine.Pos > s.since
			switch {
			case joined && e.membership == "join":
				shared[who] = true
				fresh[who] = fresh[who] || since
			case since && (e.membership != "join" || !joined):
				gone[who] = true
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(shared)) {
		if u := s.hs.users[id]; u != nil && (u.keysPos > s.since || fresh[id]) {
			changed = append(changed, id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(gone)) {
		if !shared[id] {
			left = append(left, id)
		}
	}
	return changed, left
}
