package main

import (
	"context"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrix/crypt"
	"github.com/causeway-chat/causeway/bridgekit/web"
)

// encryption has the running Causeway send a message to its bot and back in an
// encrypted room. Another process cannot: the bot has one device.
func (d *doctor) encryption(ctx context.Context) {
	const check = "encryption"
	switch {
	case d.config.Encryption.Mode == config.EncryptionOff:
		return // as it was asked for
	case !crypt.Built:
		d.fail(check, crypt.ErrNotBuilt.Error(), "")
		return
	case !d.running:
		d.skip(check, "a round trip is made by a running Causeway: start it and check again")
		return
	}
	e, err := web.NewClient(controlPath(d.config)).Encryption(ctx)
	switch {
	case err != nil:
		d.fail(check, err.Error(), "look at the log of the running Causeway")
	case e.Mode == string(config.EncryptionOff):
		d.warn(check, "the running Causeway was started before encryption was configured", "restart it")
	case e.Problem != "":
		d.fail(check, e.Problem, "docs/encryption.md says what the homeserver needs")
	case e.Unsigned != "":
		d.warn(check, "a message went to the bot and back; "+e.Unsigned, "")
	default:
		d.ok(check, "a message went to the bot and back; its device is "+e.Device)
	}
}
