// Package ircd starts real IRC servers, Debian's InspIRCd and ngIRCd, on the
// loopback interface. The one speaks most of IRCv3, the other hardly any of it:
// together they are what a client meets in the wild.
//
// # What is stored when
//
// A server's configuration, certificate and log are in a directory of its own
// below the system's one for temporary files, from Start to Close. IRC servers
// keep nothing else: channels and users are gone when they end.
//
// # Who owns what
//
// A Server owns its process and its directory. Methods may be called from
// several goroutines and are done one after another; addresses never change.
package ircd
