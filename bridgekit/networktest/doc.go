// Package networktest is the conformance suite for connectors: the rules of
// package network that every connector keeps, one [Case] each, run against a
// fake of the network that the connector is for.
//
// # Using it
//
// A connector's test provides a [Harness], which is its fake network with one
// account of ours on it, and calls [Run]:
//
//	func TestConformance(t *testing.T) {
//		networktest.Run(t, map[string]func(t *testing.T) networktest.Harness{
//			"modern": func(t *testing.T) networktest.Harness { return newFake(t, modern) },
//			"legacy": func(t *testing.T) networktest.Harness { return newFake(t, legacy) },
//		})
//	}
//
// The fake speaks the network's real protocol over loopback where that is
// possible, and is not a mock of package network. Every case gets a fresh
// harness, and cases run in parallel.
//
// # What it checks
//
//   - Life: a client ends when told, can be run again, leaves nothing running, and says
//     what state it is in.
//   - In: nothing is lost or overtakes, what was refused comes again.
//   - Out: a message is sent once and in order, errors have the kind that the core acts on.
//   - Echoes, texts both ways, files, custom emoji and their list, the past.
//   - Members, kicks and bans; names, presence, what was read by whom, who moderates, and
//     that a moderator's removal is not taken for our own.
//   - Rooms: topic, purpose, picture, pins, mutes and tags, archiving, new chats, threads
//     that are shown in the chat too, how long messages live, addresses.
//   - Honesty: what is offered works, and unknown targets are rejected.
//   - Logins: each flow can be gone through, turned down and given up.
//
// # What the suite owns
//
// The suite plays the core: it opens clients, lends them a Host whose values,
// cursors and chats survive a restart, runs them again after a lost connection,
// and stores what they deliver. A case returns an error instead of failing a
// test, so that memnet's tests can show for each case that a connector which
// breaks the rule is caught.
//
// # What not every network can do
//
// [Traits] say what the network is like (does it deliver again what was not
// acknowledged?) and [Acts] hold what the fake can be made to do. Cases that ask
// for more than there is are skipped, printed and counted. The operations of
// each variant are compared with the golden file testdata/ops.txt of the
// caller's package, so that a lost method shows as a difference; go test
// -update writes it.
package networktest
