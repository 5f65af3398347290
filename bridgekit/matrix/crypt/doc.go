// Package crypt is the bridge's end of encryption: one device, the bot's, that
// speaks for all ghosts (Client-Server API, "End-to-End Encryption"). It encrypts
// what ghosts send, decrypts what people send, and keeps the keys. Whether a room
// is to be encrypted is decided elsewhere.
//
// It needs the build tag goolm. Without it everything here is refused with
// [ErrNotBuilt]; only files can be encrypted and decrypted.
//
// # One device for all ghosts
//
// A ghost's event is encrypted with the bot's session and sent by the ghost.
// Whoever has the session's key can read it: the key came from the bot's device.
// That its owner is not the event's sender is seen by clients. Element and others
// on the Rust SDK show the text with a shield, "The sender of the event does not
// match the owner of the device that sent it" (ShieldStateCode MismatchedSender);
// in their strict mode ("exclude insecure devices") they do not decrypt it
// (DecryptionErrorCode MismatchedSender; element-hq/element-meta#2950 is about
// bridges). matrix-nio shows it without a word. The way around would be a device
// for each ghost, with a session between it and each device of each member.
// docs/encryption.md says this to administrators.
//
// # The way of keys
//
// Room keys come to the bot's device by /sync ([Crypt.Run]), never by appservice
// transactions, which lose them in every outage. All that one answer brings is
// stored in one database transaction together with the position after it; the
// homeserver forgets it when it is asked from that position on. So a crash at any
// place makes the homeserver send it again. The events that need the keys come by
// transaction, before or after them: [Crypt.Decrypt] says [*NoKey], and
// [Options].OnKey tells when the key is there.
//
// A session for what ghosts send goes to all devices of all members before the
// first event is encrypted with it ([Crypt.Encrypt]). It is replaced when the
// room's settings say so (by default after 100 messages or a week), and when a
// member or a device comes or goes; a newcomer cannot read what was before.
//
// # What is stored, and when
//
// In the database of [OpenDB], which nothing else uses:
//
//   - the tables crypto_*, of mautrix: the device's own keys, sessions (both sealed
//     with a key that is kept in [Secrets]), other people's devices, and which
//     messages of a session were seen;
//   - room, member: which rooms are encrypted and how, and who has to get keys. It
//     can be asked again; a change makes it invalid in the transaction that stores
//     that /sync has told of it;
//   - state: the position in /sync, and whose turn it is (below).
//
// In [Secrets]: the sealing key, the device's ID and token, and the private keys
// for cross-signing, before anything made with them is published. They are the
// way back when the database is lost: a new device, signed by the same identity.
//
// A session's ratchet is stored before what it encrypted is returned or sent: no
// number is used twice, whatever crashes. It is so for the sessions of rooms, in the
// transaction of Encrypt, and for those between devices, each in a transaction of its
// own: a machine whose store has failed once sends nothing any more (guard), and is
// thrown away. What was stored and not sent leaves a gap in the numbers, which
// receivers skip. No key is lost by it: a room's session is stored as usable only
// when the homeserver has accepted its key for everybody; without that the next
// event makes another session. One-time keys are stored before they are published, and
// are not published again when the homeserver has got them. A copy of the database
// that comes back from a backup would use numbers twice, so this database is in no
// backup.
//
// # Who owns what
//
// [Crypt.Run] owns /sync and the device; it has one goroutine. Encrypt and Decrypt
// may be called by any number of goroutines. Whatever touches the sessions between
// devices (Olm), which change with each use, holds the one token of Crypt.olm and
// works on a fresh copy from the database, so that a failed transaction leaves
// nothing behind in memory. A lock for each room lets one goroutine at a time
// decide about its session. The order is: room, olm, database.
//
// Where two processes share a PostgreSQL database, the one that calls Run last is
// in charge: it raises a number (epoch) that each transaction of the other checks
// before it encrypts.
package crypt
