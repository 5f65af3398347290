package network

// Identifiers are opaque to everything but the connector that made them. They
// are stored for years, so a connector never changes how it forms them.
type (
	// A NetworkID is the name of a network in the configuration, such as
	// "irc.libera". It is in the Matrix IDs of its ghosts for ever.
	NetworkID string

	// A ChatID names a conversation; unique in a network, or, for a private
	// chat, in a network and login.
	ChatID string

	// A UserID names a person or bot; unique in a network.
	UserID string

	// A MessageID names a message; unique in a chat.
	MessageID string

	// An EmojiID names the picture of a custom emoji, for ever: another picture has
	// another one. Unique in a network. It is markup.Node.URL of an Emoji.
	EmojiID string

	// A LoginID names a remote account that a Matrix user uses through
	// Causeway; unique in a network and chosen by the connector.
	LoginID string

	// A TxnID names one outgoing happening. It is chosen by the core, the same
	// for every retry, unique in a network: 32 lower-case hexadecimal digits.
	TxnID string
)

// A ChatKey names a chat the way the core stores it.
type ChatKey struct {
	ID ChatID `json:"id"`
	// Login is set if the chat is private to one login (a direct message): two
	// logins that both talk to bob have two chats. Empty means that all logins
	// of the network share the chat (a channel).
	Login LoginID `json:"login,omitempty"`
}

// IsZero reports whether k names no chat.
func (k ChatKey) IsZero() bool { return k == ChatKey{} }

// A Ref points at a message that some event or call is about.
type Ref struct {
	ID MessageID `json:"id"`
	// Alt are other IDs by which the network may know the same message.
	Alt []MessageID `json:"alt,omitempty"`
	// Part is the index of the part that is meant, -1 for the whole message.
	Part int `json:"part"`
	// Sender is who sent it, if known.
	Sender UserID `json:"sender,omitempty"`
}

// Whole is a reference to a whole message.
func Whole(id MessageID) Ref { return Ref{ID: id, Part: -1} }

// IDs lists the reference's ID and its alternatives.
func (r Ref) IDs() []MessageID { return append([]MessageID{r.ID}, r.Alt...) }
