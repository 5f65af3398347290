// Command chaos lets Causeway be hit by everything that can hit it while people
// talk, and counts afterwards: what is lost, doubled, out of order or wrong.
//
//	go run -C testbed ./chaos -seeds 50
//	go run -C testbed ./chaos -seed 7 -db postgres
//	go run -C testbed ./chaos -seed 7 -db postgres -workers 2
//	go run -C testbed ./chaos -seeds 5 -homeserver dendrite -network irc
//	go run -C testbed -tags goolm ./chaos -seeds 20 -network slack
//	go run -C testbed ./chaos -seeds 10 -hub
//	go run -C testbed -tags goolm ./chaos -seeds 10 -encrypted
//
// A run is a homeserver and a network, both on loopback, and Causeway as a child
// process between them: this program again, with a [spec] in its environment. The
// homeserver is a [home]: matrixtest in this process, or Dendrite or Synapse as a
// process of its own. The network is a [far]: memnet in this process, or InspIRCd, or
// the fake Slack with the real connector, or three memnets whose chats meet in rooms, the [hubs]. The fakes fail in every way. To
// the real ones is done what can be done from outside: to their processes and, by
// testbed/gate, to Causeway's connections.
//
// A [plan] is a function of a seed: which kind of network, who says what, which
// faults, and at which step of the core (bridgekit/step) the child is killed. What
// the scheduler makes of it is not; so a seed brings a failure back often, not
// always.
//
// The run goes in rounds. In each, every speaker does the next few things on
// their list while one fault happens. After the last round everything is healed,
// the journal runs empty, and both sides are compared with the [book] of what was
// said. Of real servers nobody knows what is still on its way: there the run ends
// when nothing is missing, or nothing has come for a while.
//
// # Who owns what
//
// One goroutine directs a run. In a round each chat has one more for each of its sides,
// two, or up to four in a hub; what they write down is guarded by the chat's mutex,
// which is held while something is said, so that the book has the order in which it was
// said. The child's database, output and files are in a folder of the run, which is
// removed if it passes.
package main
