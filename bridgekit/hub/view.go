package hub

import (
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A View is one network of a room as people see it, over the bot and over the control
// socket.
type View struct {
	Room    string            `json:"room"`
	Network network.NetworkID `json:"network"`
	Name    string            `json:"name"`   // the network's, for people
	Chat    string            `json:"chat"`   // "#go"
	Status  string            `json:"status"` // of the connection that carries it
	Words   string            `json:"words,omitempty"`
	// Relay: people without an account there are heard there.
	Relay bool `json:"relay"`
	// Through is the account through which they are, if it is somebody's.
	Through string `json:"relay_account,omitempty"`
	// Waiting is how many entries are undelivered, both ways.
	Waiting  int               `json:"waiting"`
	Settings map[string]string `json:"settings"`
	// Why is where each setting comes from that is not built in, see Policy.Why.
	Why map[string]string `json:"why,omitempty"`
	// Last is when the last message crossed; zero if none did. Sender said it: a user
	// of the network, if Heard, else somebody of Matrix or of another network.
	Last   time.Time `json:"last,omitzero"`
	Sender string    `json:"sender,omitempty"`
	Heard  bool      `json:"heard,omitempty"`
}

// Values are the settings of p by their names.
func (p *Policy) Values() map[string]string {
	out := map[string]string{}
	for _, s := range p.Settings() {
		out[s.Name] = s.Value
	}
	return out
}
