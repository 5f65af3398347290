package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
)

// unrelated is a message without what it relates to, if the homeserver refused it
// for that: the event is not there, because the homeserver's data was restored from
// a backup, or it is in another room, which the chat had before. Servers say so in
// English only (M_UNKNOWN), and not all of them check. A reaction to nothing is
// nothing.
func unrelated(content any, err error) (*event.MessageEventContent, bool) {
	c, ok := content.(*event.MessageEventContent)
	if !ok || !badRequest(err) || c.RelatesTo == nil || c.RelatesTo.Type == "" {
		return nil, false
	}
	out := *c
	if c.NewContent != nil { // an edit says it anew
		out = *c.NewContent
	}
	out.RelatesTo = nil
	return &out, true
}

// badRequest reports that the homeserver does not take what an event says.
func badRequest(err error) bool {
	var e *matrix.Error
	return errors.As(err, &e) && e.Status == http.StatusBadRequest
}

// ghostRefused says once in the room that a ghost may not speak there. What it says
// is recorded with the failed entries.
func (x *inbound) ghostRefused(ctx context.Context, as id.UserID, err error) error {
	switch matrix.KindOf(err) {
	case matrix.Banned:
		_, user, _ := x.hs.ParseGhost(as)
		x.tellOnce(ctx, x.p, "banned "+string(as), fmt.Sprintf("%s is banned from this room, so what they write on %s is not shown here.", user, x.networkName(x.p.Network)))
	case matrix.NotAllowed:
		x.tellOnce(ctx, x.p, "muted", "Bridged people may not write in this room, so what is said on "+x.networkName(x.p.Network)+" is not shown here. Lower the power level for messages, or raise theirs.")
	}
	return err
}
