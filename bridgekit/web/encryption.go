package web

import (
	"context"
	"net/http"
	"time"
)

// roundTime is how long a round trip of an encrypted message may take.
const roundTime = 3 * time.Minute

// An Encryption says how the bridge fares with encrypted rooms.
type Encryption struct {
	Mode   string `json:"mode"`             // as configured
	Device string `json:"device,omitempty"` // the bot's
	// Unsigned is why the device is not signed by the bot's identity; "" if it is.
	Unsigned string `json:"unsigned,omitempty"`
	// Problem is what is wrong, in words; "" if a message went to the bot and back.
	Problem string `json:"problem,omitempty"`
}

// WithEncryption serves POST /encryption: check sends a message through all of it and
// says how that went.
func WithEncryption(check func(ctx context.Context) Encryption) ControlOption {
	return func(_ control, mux *http.ServeMux) {
		mux.HandleFunc("POST /encryption", func(w http.ResponseWriter, r *http.Request) {
			writeJSON(w, http.StatusOK, check(r.Context()))
		})
	}
}

// Encryption has the running Causeway check its encryption.
func (c *Client) Encryption(ctx context.Context) (Encryption, error) {
	var e Encryption
	patient := *c.http
	patient.Timeout = roundTime
	err := (&Client{&patient}).do(ctx, http.MethodPost, "/encryption", &e)
	return e, err
}
