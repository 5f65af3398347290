package matrix

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"maunium.net/go/mautrix"
)

// aboutAge is how long what the server said about itself counts.
const aboutAge = time.Hour

// Capabilities is what a homeserver can do, as far as it can be asked.
type Capabilities struct {
	Versions []string // of the specification, as in /versions
	Server   string   // "Synapse 1.157.1"; "" if it does not say
	// Ping: it can be asked to reach us (v1.7, MSC2659).
	Ping bool
	// Ephemeral: it can push typing and receipts (MSC2409), if the
	// registration asks for it. It cannot be asked, so this goes by name
	// and version.
	Ephemeral bool
	AuthMedia bool // media is read with a token (v1.11, MSC3916)
	// AsyncMedia: content URIs exist before their content (v1.7, MSC2246).
	AsyncMedia bool
	// MSC4190: devices without logging in. Synapse does not announce it; what
	// the registration asks for decides there.
	MSC4190       bool
	ProfileFields bool // custom fields in profiles (v1.16, MSC4133)
	// RoomVersions is what versions it knows and how stable they are.
	RoomVersions       map[string]string
	DefaultRoomVersion string // "" if unknown
	MaxUpload          int64  // in bytes, 0 if there is no limit

	synapse bool
}

// synapseFeature is an unstable feature that Synapse alone lists. Its name it says
// only where federation is served too.
const synapseFeature = "io.element.e2ee_forced.public"

// serverCache holds the last answers.
type serverCache struct {
	mu   sync.Mutex // guards both
	last *Capabilities
	at   time.Time
}

func (s *serverCache) get(now time.Time) *Capabilities {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil || now.Sub(s.at) > aboutAge {
		return nil
	}
	return s.last
}

func (s *serverCache) set(c *Capabilities, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.at = c, now
}

// forget makes the next caller ask: after an outage it may be another version.
func (s *serverCache) forget() { s.set(nil, time.Time{}) }

// about is what the server can do, asked once an hour.
func (h *Homeserver) about(ctx context.Context) (*Capabilities, error) {
	if c := h.server.get(time.Now()); c != nil {
		return c, nil
	}
	unlock, err := h.lock(ctx, "about")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if c := h.server.get(time.Now()); c != nil {
		return c, nil
	}
	if !h.Up() {
		return nil, h.downError("ask versions", nil)
	}
	if err := h.EnsureGhost(ctx, h.BotID()); err != nil {
		return nil, err
	}
	c, err := h.versions(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.details(ctx, c); err != nil {
		return nil, err
	}
	h.server.set(c, time.Now())
	return c, nil
}

// versions asks /versions, which needs no token.
func (h *Homeserver) versions(ctx context.Context) (*Capabilities, error) {
	var into mautrix.RespVersions
	err := h.attempt(ctx, requestTimeout, "ask versions", func(ctx context.Context) error {
		return request(ctx, h.client("", ""), http.MethodGet, path("versions"), nil, nil, &into)
	})
	if err != nil {
		return nil, err
	}
	c := &Capabilities{
		Ping:          into.Supports(mautrix.FeatureAppservicePing),
		AuthMedia:     into.Supports(mautrix.FeatureAuthenticatedMedia),
		AsyncMedia:    into.Supports(mautrix.FeatureAsyncUploads),
		ProfileFields: into.Supports(mautrix.FeatureArbitraryProfileFields),
		MSC4190:       into.ContainsGreaterOrEqual(mautrix.SpecV117) || into.UnstableFeatures["org.matrix.msc4190"],
		Ephemeral:     into.ContainsGreaterOrEqual(mautrix.SpecV113),
	}
	if _, c.synapse = into.UnstableFeatures[synapseFeature]; c.synapse {
		c.Server, c.Ephemeral = "Synapse", true
	}
	for _, v := range into.Versions {
		c.Versions = append(c.Versions, v.Raw)
	}
	return c, nil
}

// details asks for what needs the bot's account.
func (h *Homeserver) details(ctx context.Context, c *Capabilities) error {
	var caps mautrix.RespCapabilities
	err := h.attempt(ctx, requestTimeout, "read capabilities", func(ctx context.Context) error {
		return request(ctx, h.client(h.BotID(), h.opts.ASToken), http.MethodGet, path("v3", "capabilities"), nil, nil, &caps)
	})
	if err != nil && KindOf(err) != NotFound {
		return err
	}
	if v := caps.RoomVersions; v != nil {
		c.DefaultRoomVersion = v.Default
		c.RoomVersions = make(map[string]string, len(v.Available))
		for version, stability := range v.Available {
			c.RoomVersions[version] = string(stability)
		}
	}
	if name := h.serverName(ctx); name != "" {
		c.Server = name
	}
	// Known to push ephemeral events before they list v1.13.
	for _, name := range []string{"synapse", "tuwunel", "conduwuit", "continuwuity"} {
		c.Ephemeral = c.Ephemeral || strings.HasPrefix(strings.ToLower(c.Server), name)
	}
	c.MaxUpload, err = h.mediaConfig(ctx, c.AuthMedia)
	return err
}

// serverName asks what software it is (Server-Server API, "version"). It is not
// always reachable here and never needed, so there is no error.
func (h *Homeserver) serverName(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, versionsTimeout)
	defer cancel()
	var into struct {
		Server struct {
			Name    string `json:"name"`
			Version string `json:"version"`
		} `json:"server"`
	}
	at := mautrix.BaseURLPath{"_matrix", "federation", "v1", "version"}
	if request(ctx, h.client("", ""), http.MethodGet, at, nil, nil, &into) != nil {
		return ""
	}
	return strings.TrimSpace(into.Server.Name + " " + into.Server.Version)
}
