package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// commandTime is how long a command may take.
const commandTime = 10 * time.Minute

// maxReport bounds the answer to a command; an export of somebody who writes much
// is long.
const maxReport = 512 << 20

// A ControlOption adds to what Control serves.
type ControlOption func(c control, mux *http.ServeMux)

// WithCommands serves operators' commands. do answers something that is JSON;
// errors of kind network.Rejected are told in their words.
func WithCommands(do func(ctx context.Context, name string, args []string) (any, error)) ControlOption {
	return func(c control, mux *http.ServeMux) {
		mux.HandleFunc("POST /commands/{name}", func(w http.ResponseWriter, r *http.Request) {
			var args []string
			if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&args); err != nil && !errors.Is(err, io.EOF) {
				writeJSON(w, http.StatusBadRequest, failure{"the arguments are no list of texts"})
				return
			}
			v, err := do(r.Context(), r.PathValue("name"), args)
			if network.KindOf(err) == network.Rejected && err != nil {
				writeJSON(w, http.StatusBadRequest, failure{network.UserText(err)})
				return
			}
			c.answer(w, v, err)
		})
	}
}

// Command has the running Causeway do an operator's command and reads the answer
// into into.
func (c *Client) Command(ctx context.Context, name string, args []string, into any) error {
	body, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("encode arguments: %w", err)
	}
	patient := *c.http
	patient.Timeout = commandTime
	return (&Client{&patient}).send(ctx, http.MethodPost, "/commands/"+url.PathEscape(name), body, maxReport, into)
}
