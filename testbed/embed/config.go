package embed

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/matrix-org/dendrite/setup/config"
	"github.com/matrix-org/gomatrixserverlib/spec"
)

// sqliteParameters follow the path of every database, in modernc's spelling.
// The question mark is escaped once: Dendrite takes the path out of a URI, and
// would drop a query.
const sqliteParameters = "%3F_pragma=journal_mode(wal)&_pragma=synchronous(normal)"

// configuration returns Dendrite's configuration for o, with the appservice
// registrations loaded. It makes the directories that Dendrite expects.
func configuration(o Options) (*config.Dendrite, error) {
	if err := os.MkdirAll(filepath.Join(o.Dir, "media"), 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	key, err := signingKey(filepath.Join(o.Dir, "signing.seed"))
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	cfg := &config.Dendrite{}
	cfg.Defaults(config.DefaultOpts{Generate: true, SingleDatabase: false})
	cfg.Global.ServerName = spec.ServerName(o.ServerName)
	cfg.Global.PrivateKey = key
	cfg.Global.DisableFederation = true
	cfg.Global.JetStream.InMemory = false
	cfg.Global.JetStream.StoragePath = config.Path(filepath.Join(o.Dir, "jetstream"))
	cfg.Global.Cache.EstimatedMaxSize = 64 << 20
	cfg.Global.Presence.EnableOutbound = false
	cfg.FederationAPI.KeyPerspectives = nil
	cfg.ClientAPI.RateLimiting.Enabled = false
	cfg.ClientAPI.RegistrationDisabled = true
	cfg.ClientAPI.RegistrationSharedSecret = ""
	cfg.UserAPI.BCryptCost = 4 // the lowest there is: passwords of tests guard nothing
	cfg.MediaAPI.BasePath = config.Path(filepath.Join(o.Dir, "media"))
	cfg.MediaAPI.AbsBasePath = cfg.MediaAPI.BasePath
	cfg.SyncAPI.Fulltext.Enabled = false
	cfg.MSCs.MSCs = nil
	cfg.AppServiceAPI.ConfigFiles = o.Registrations
	databases(cfg, o.Dir)
	if err := cfg.Derive(); err != nil { // before Wiring, which hands out what it reads
		return nil, fmt.Errorf("read registrations: %w", err)
	}
	cfg.Wiring()
	return cfg, nil
}

// databases gives each component a file of its own in dir.
func databases(cfg *config.Dendrite, dir string) {
	for name, db := range map[string]*config.DatabaseOptions{
		"federationapi": &cfg.FederationAPI.Database,
		"keyserver":     &cfg.KeyServer.Database,
		"mediaapi":      &cfg.MediaAPI.Database,
		"mscs":          &cfg.MSCs.Database,
		"relayapi":      &cfg.RelayAPI.Database,
		"roomserver":    &cfg.RoomServer.Database,
		"syncapi":       &cfg.SyncAPI.Database,
		"userapi":       &cfg.UserAPI.AccountDatabase,
	} {
		file := url.URL{Scheme: "file", Path: filepath.Join(dir, name+".db")} // a folder's name may hold a "#"
		db.ConnectionString = config.DataSource(file.String() + sqliteParameters)
	}
}

// signingKey reads the seed at path, or makes one on the first start.
func signingKey(path string) (ed25519.PrivateKey, error) {
	seed, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		seed = make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		err = os.WriteFile(path, seed, 0o600)
	}
	if err != nil {
		return nil, err
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%s holds %d bytes instead of %d", path, len(seed), ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
