package olmuser

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// Options say whose client it is.
type Options struct {
	URL   string // base URL of the homeserver
	User  string // Matrix ID
	Token string // of a device that has no keys yet
	// Transport makes the requests; nil is http.DefaultTransport.
	Transport http.RoundTripper
	// Log is what the machine says, in JSON; nil discards it.
	Log io.Writer
}

// ErrNotBuilt says that the program cannot encrypt.
var ErrNotBuilt = errors.New("this program was built without -tags goolm, and cannot encrypt")

// An Opened is what was in an encrypted event.
type Opened struct {
	Type    string
	Content json.RawMessage // with the relation that stands outside
}
