package convert

// A Kind says what is to be done with a message.
type Kind int

const (
	Said    Kind = iota // somebody said it: show Content
	Notice              // Slack itself says it: show Content as a notice
	Changed             // Inner is what message Inner.TS says now
	Deleted             // message DeletedTS is gone
	Altered             // the channel or its members changed: see Change
	Nothing             // not for people, or told by other messages and events
)

// Kind says what is to be done with m.
func (m *Message) Kind() Kind {
	switch m.Subtype {
	case "message_changed":
		if m.Inner == nil {
			return Nothing
		}
		if m.Inner.Subtype == "tombstone" {
			return Deleted
		}
		return Changed
	case "message_deleted":
		return Deleted
	case "message_replied":
		return Nothing
	}
	return Said
}
