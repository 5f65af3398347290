// Package conversation proves hub rooms: people of InspIRCd, of the server that
// bridges/irc/ircfake is, of memnet and of Matrix talk in one room, on a real
// homeserver, encrypted or not, while Causeway is killed three times and one network is
// cut off. Then it is compared what everybody saw with what was said.
//
// A [Script] is what is said and done, by whom, made from a seed. It has three phases;
// in the second one a network is cut off, and there nobody waits for anything that only
// comes when it is back. In each phase the sides act side by side, each in the order of
// the script; who answers something waits until they see it. A [Stage] is the servers,
// Causeway as a process of its own, and the people at their clients. A [View] is what
// one side saw, and [Compare] says what is wrong with the views, by what docs/irc.md,
// docs/hub-rooms.md and docs/guarantees.md promise.
//
// # Who is there to hear it
//
// InspIRCd keeps nothing, so that nobody speaks there while Causeway is away, and who
// has spoken waits until Causeway has stored it before Causeway may be killed. The
// other two keep what is said meanwhile, and people there go on, but for what
// CHATHISTORY does not carry: reactions and removals.
//
// # What is stored when
//
// Everything is in a folder that is given to [NewStage].
//
// # Who owns what
//
// A Stage owns the servers, clients and processes until Close. [Stage.Play] runs one
// goroutine for each side and one that kills and cuts; each network's life is held for
// reading by who needs Causeway there, and for writing while it is away.
package conversation
