// Package olmuser is a person at a client with encryption: a device with keys, on
// mautrix-go's olm machine, that seals what the person sends and opens what is in
// their rooms. Beside the messages it makes all requests itself.
//
// It needs the build tag goolm; without it New fails with ErrNotBuilt.
//
// # Who owns what
//
// A User's mutex guards its keys and what it knows of rooms; one call at a time works,
// and holds it while it asks the homeserver. Everything may be called concurrently.
package olmuser
