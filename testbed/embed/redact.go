package embed

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/matrix-org/dendrite/roomserver/api"
	"github.com/matrix-org/dendrite/setup/config"
	"github.com/matrix-org/dendrite/setup/jetstream"
)

// redactionReader is the name under which redactions are read.
const redactionReader = "EmbedRedactions"

// pushRedactions puts redactions on the stream of events for appservices.
//
// Dendrite's room server announces a redaction as an event of its own kind once
// it has found what is redacted. Its sync component reads those and returns
// before the code that feeds appservices (syncapi/consumers/roomserver.go), so
// no appservice hears of them (element-hq/dendrite#3445, open since 2024). This
// reads the same stream under a name of its own, so Dendrite's readers lose
// nothing.
func pushRedactions(ctx context.Context, js nats.JetStreamContext, cfg *config.JetStream) error {
	in := cfg.Prefixed(jetstream.OutputRoomEvent)
	out := cfg.Prefixed(jetstream.OutputAppserviceEvent)
	forward := func(_ context.Context, msgs []*nats.Msg) bool {
		msg, err := redaction(msgs[0], out)
		if err != nil || msg == nil {
			// What cannot be read now cannot be read later; Dendrite's own
			// readers acknowledge it too.
			return true
		}
		_, err = js.PublishMsg(msg)
		return err == nil
	}
	durable := cfg.Durable(redactionReader)
	return jetstream.JetStreamConsumer(ctx, js, in, durable, 1, forward, nats.DeliverAll(), nats.ManualAck())
}

// redaction returns the message for the appservices' stream out that in gives
// rise to, or nil if in is no redaction.
func redaction(in *nats.Msg, out string) (*nats.Msg, error) {
	if api.OutputType(in.Header.Get(jetstream.RoomEventType)) != api.OutputTypeRedactedEvent {
		return nil, nil
	}
	var o api.OutputEvent
	if err := json.Unmarshal(in.Data, &o); err != nil {
		return nil, fmt.Errorf("read redaction: %w", err)
	}
	if o.RedactedEvent == nil {
		return nil, nil
	}
	data, err := json.Marshal(api.OutputEvent{
		Type:         api.OutputTypeNewRoomEvent,
		NewRoomEvent: &api.OutputNewRoomEvent{Event: o.RedactedEvent.RedactedBecause},
	})
	if err != nil {
		return nil, fmt.Errorf("write redaction: %w", err)
	}
	msg := nats.NewMsg(out)
	msg.Header.Set(jetstream.RoomEventType, string(api.OutputTypeNewRoomEvent))
	msg.Header.Set(jetstream.RoomID, in.Header.Get(jetstream.RoomID))
	msg.Data = data
	return msg, nil
}
