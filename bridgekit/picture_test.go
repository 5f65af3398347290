package bridgekit_test

import (
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/config"
)

// Whom a relay speaks for is shown with a picture that the network can fetch: a new
// one after a change, none where there is none or Causeway has no public address.
func TestRelayedPicture(t *testing.T) {
	for name, public := range map[string]bool{"public": true, "not public": false} {
		o := hubRigOptions{nets: []string{"a"}}
		o.config = func(c *config.Config) {
			if public {
				c.Public.URL = "https://files.test"
			}
		}
		t.Run(name, func(t *testing.T) {
			inHub(t, o, func(r *hubRig) {
				face := func(text string) string {
					t.Helper()
					r.bob.SendText(r.room, text)
					r.gets(text, "a")
					return r.on("a", text).Content.Persona.Avatar
				}
				r.equal("without a picture", "", face("bare"))
				r.bob.SetAvatarURL(r.bob.Upload("bob.png", "image/png", []byte("bob")))
				first := face("with a picture")
				r.equal("that there is a link", public, strings.HasPrefix(first, "https://files.test/p/"))
				r.equal("the link of the next message", first, face("again"))
				r.bob.SetAvatarURL(r.bob.Upload("new.png", "image/png", []byte("new")))
				r.equal("that a new picture has another link", public, face("with a new picture") != first)
				r.bob.SetAvatarURL("")
				r.equal("without a picture again", "", face("bare again"))
			})
		})
	}
}
