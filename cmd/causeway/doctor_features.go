package main

import (
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
)

// features says what this homeserver lacks and what Causeway does instead.
func (d *doctor) features(can matrix.Capabilities) {
	const check = "homeserver features"
	missing := false
	lacks := func(yes bool, text, instead string) {
		if !yes {
			missing = true
			d.warn(check, text, instead)
		}
	}
	dendrite := strings.HasPrefix(strings.ToLower(can.Server), "dendrite")
	lacks(can.Ping, "it has no ping (MSC2659)",
		"after Causeway was away, what people wrote meanwhile can take a minute to come; a newer homeserver sends it at once")
	ephemeral := "it does not tell bridges about typing and receipts (MSC2409)"
	if can.Server == "" {
		ephemeral = "it does not say whether it tells bridges about typing and receipts (MSC2409)"
	}
	lacks(can.Ephemeral, ephemeral,
		"without it the other networks do not see that somebody on Matrix types or has read; messages are not affected")
	lacks(can.AuthMedia, "it serves files without asking who reads them (before Matrix v1.11)",
		"Causeway uses these older addresses; whoever has a file's address can read it")
	lacks(!dendrite, "Dendrite does not tell bridges about deletions",
		"what is deleted on Matrix stays on the other networks")
	if !missing {
		d.ok(check, "everything Causeway uses")
	}
	text := "files of any size"
	if can.MaxUpload > 0 {
		text = "files of up to " + config.Size(can.MaxUpload).String()
	}
	d.ok("media", text)
}
