// Package memnet is a chat network in memory: the reference connector, and the
// double of a network in the core's own tests.
//
// A [Server] is the whole network: its users, chats and messages. Tests act on it
// as other people do ([Server.User]) and look at what it holds
// ([Server.Messages]). [Server.Connector] is the connector to it, with every
// optional operation of package network.
//
// It is deterministic: IDs count up, nothing is random, and the only time it
// knows is that of package time, so that it runs inside testing/synctest.
//
// # What is kept when
//
// Each account has a queue of events. An event leaves the queue when the
// client has delivered it and asks for what comes next; what a client did not
// get to acknowledge is delivered again to the next one, with the same keys.
// Messages of accounts are known by their transaction and part, so a repeated
// send is recognised. [Options] switch each of this off to play weaker networks.
//
// # In two processes
//
// [Server.Serve] lets connectors of other processes in over a listener, and
// [Dial] is their connector: the network then survives a process that is killed.
// Frames are a length of four bytes, big-endian, and JSON.
//
// # Who owns what
//
// The server's state is guarded by one mutex. Events that clients get are shared
// by all clients of the account; they must not be changed.
package memnet
