package slackfake

import "time"

// Config says what kind of Slack it is. The zero value is one workspace without
// rate limits.
type Config struct {
	// Addr is where to listen, an address of loopback; default a free port there.
	Addr string
	// Team is the first workspace; its ID is what an empty team stands for.
	Team Team
	// Limits: the rate limits of the methods' tiers are kept.
	Limits bool
	// Now is the clock of messages and rate limits; default time.Now.
	Now func() time.Time
	// Ping is how often sockets are pinged; default 5 s.
	Ping time.Duration
	// Redeliver is how long an event may stay unacknowledged before it is sent
	// again; default 30 s (Slack waits 3 s). After a lost connection it is sent again at once.
	Redeliver time.Duration
	// Keep is how many bytes of an uploaded file are kept; of larger ones only their
	// size and sum. Default 64 MiB.
	Keep int64
	// Retries are the times after which events over HTTP are sent again; default at
	// once, after a second and after two (Slack waits a minute and five).
	Retries []time.Duration
	// ShareAfter is how long files.completeUploadExternal takes to show files after it
	// has answered; default 10 ms.
	ShareAfter time.Duration
	// NoRTM: rtm.connect is gone, and sessions have the address of browsers alone.
	NoRTM bool
	// PlainFiles: files.completeUploadExternal knows no username and icons.
	PlainFiles bool
	// NoBotThreads: conversations.replies refuses bots in channels, as its page says
	// (https://docs.slack.dev/reference/methods/conversations.replies).
	NoBotThreads bool
}

// filled is c with its defaults.
func (c Config) filled() Config {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if c.Team.ID == "" {
		c.Team.ID = "T0000000001"
	}
	if c.Team.Name == "" {
		c.Team.Name = "Test"
	}
	if c.Team.Domain == "" {
		c.Team.Domain = "test"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Ping == 0 {
		c.Ping = 5 * time.Second
	}
	if c.Redeliver == 0 {
		c.Redeliver = 30 * time.Second
	}
	if c.ShareAfter == 0 {
		c.ShareAfter = 10 * time.Millisecond
	}
	if c.Keep == 0 {
		c.Keep = 64 << 20
	}
	if c.Retries == nil {
		c.Retries = []time.Duration{0, time.Second, 2 * time.Second}
	}
	return c
}
