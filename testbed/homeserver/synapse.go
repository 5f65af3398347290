package homeserver

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/causeway-chat/causeway/testbed/child"
)

// synapse is the path of the Python that runs it.
type synapse string

// launch is a Launcher.
func (s synapse) launch(ctx context.Context, o Options) (Instance, error) {
	addr, err := loopback(o.Addr)
	if err != nil {
		return nil, err
	}
	c, err := configureSynapse(o, addr)
	if err != nil {
		return nil, fmt.Errorf("configure synapse: %w", err)
	}
	cmd := exec.Command(string(s), "-m", "synapse.app.homeserver", "--config-path", c.path)
	cmd.Dir, cmd.Stderr = o.Dir, o.Stderr
	p, err := child.Start(cmd)
	if err != nil {
		return nil, err
	}
	run := &command{Process: p, url: "http://" + addr}
	if err := p.Dialled(ctx, addr); err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	if err := c.users(ctx, run.url, o.Users); err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	return run, nil
}

// loopback makes sure that nobody else is served, and finds a port if there is
// none yet.
func loopback(addr string) (string, error) {
	if addr == "" {
		return child.FreeAddr()
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", fmt.Errorf("%s is not a loopback address", addr)
	}
	return addr, nil
}

// A synapseConfig is what the server's directory says.
type synapseConfig struct {
	path   string // of homeserver.yaml
	dir    string
	secret string // to make accounts with
	name   string // of the server
}

// configureSynapse writes homeserver.yaml into o.Dir, and beside it, on the first
// start, the secrets. JSON is YAML.
func configureSynapse(o Options, addr string) (*synapseConfig, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	secret, err := once(in("secret"), func() string { return rand.Text() })
	if err != nil {
		return nil, err
	}
	if _, err := once(in("signing.key"), signingKey); err != nil {
		return nil, err
	}
	registrations := make([]string, len(o.Registrations))
	for i, r := range o.Registrations {
		if registrations[i], err = filepath.Abs(r); err != nil {
			return nil, err
		}
	}
	type object = map[string]any
	files := map[string]object{
		"homeserver.yaml": {
			"server_name": o.Name, "public_baseurl": "http://" + addr, "pid_file": in("synapse.pid"),
			"listeners": []object{{
				"port": json.Number(port), "bind_addresses": []string{host}, "type": "http",
				"resources": []object{{"names": []string{"client", "federation"}}},
			}},
			"database":         object{"name": "sqlite3", "args": object{"database": in("homeserver.db")}},
			"media_store_path": in("media"), "log_config": in("log.yaml"), "signing_key_path": in("signing.key"),
			"registration_shared_secret": secret, "macaroon_secret_key": secret, "form_secret": secret,
			"app_service_config_files": registrations,
			// It asks nobody for anything.
			"trusted_key_servers": []string{}, "federation_domain_whitelist": []string{}, "report_stats": false,
			"bcrypt_rounds": 4, // the lowest there is: passwords of tests guard nothing
		},
		"log.yaml": {
			"version": 1, "disable_existing_loggers": false,
			"formatters": object{"line": object{"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
			"handlers":   object{"errors": object{"class": "logging.StreamHandler", "formatter": "line"}},
			"root":       object{"level": "WARNING", "handlers": []string{"errors"}},
		},
	}
	for name, content := range files {
		data, err := json.MarshalIndent(content, "", "  ")
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(in(name), data, 0o600); err != nil {
			return nil, err
		}
	}
	return &synapseConfig{path: in("homeserver.yaml"), dir: dir, secret: secret, name: o.Name}, nil
}

// signingKey is a fresh key as Synapse writes it: algorithm, name and seed.
func signingKey() string {
	seed := make([]byte, 32)
	rand.Read(seed) // never fails
	return "ed25519 a_test " + base64.RawStdEncoding.EncodeToString(seed) + "\n"
}

// once reads the file at path, or writes it with what fresh returns.
func once(path string, fresh func() string) (string, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		data = []byte(fresh())
		err = os.WriteFile(path, data, 0o600)
	}
	return string(data), err
}
