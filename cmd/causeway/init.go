package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/registration"
)

// The names of the files that init writes, in one folder.
const (
	configName       = "causeway.yaml"
	keyName          = "causeway.key"
	registrationName = "registration.yaml"
	doublePuppetName = "double-puppet.yaml"
)

// initOptions are the flags of init; empty ones are asked for.
type initOptions struct {
	homeserver, domain, admin, url string

	dir            string
	irc            []string
	nick           string
	noDoublePuppet bool
	force          bool
}

func newInit() *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write the configuration and both registration files",
		Long:  initLong,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&o.homeserver, "homeserver", "", "`URL` where Causeway reaches the homeserver")
	f.StringVar(&o.domain, "domain", "", "the homeserver's `DOMAIN`: what comes after the colon in Matrix IDs")
	f.StringVar(&o.admin, "admin", "", "your Matrix `ID`")
	f.StringVar(&o.url, "url", "", "`URL` where the homeserver reaches Causeway")
	f.StringVar(&o.dir, "dir", ".", "the `FOLDER` to write to")
	f.StringArrayVar(&o.irc, "irc", nil, "bridge this IRC network: `[NAME=]HOST[:PORT]`; can be repeated")
	f.StringVar(&o.nick, "nick", "causeway", "the `NICK` that speaks for everybody on IRC")
	f.BoolVar(&o.noDoublePuppet, "no-double-puppet", false, "do not let Causeway act as the homeserver's users")
	f.BoolVar(&o.force, "force", false, "replace files that are there, except the key")
	return cmd
}

// run asks what is missing, then writes. Everything is known to be good before
// the first file is.
func (o *initOptions) run(cmd *cobra.Command) error {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return fmt.Errorf("find folder: %w", err)
	}
	o.dir = dir
	if err := o.refuseOverwrite(); err != nil {
		return err
	}
	networks, err := ircNetworks(o.irc, o.nick)
	if err != nil {
		return usageError{err}
	}
	if err := o.ask(cmd.Context(), asker{bufio.NewReader(cmd.InOrStdin()), cmd.ErrOrStderr()}); err != nil {
		return err
	}
	listen, note := listenFor(o.url)
	content, err := configFile(o, listen, networks)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	key, kept, err := o.key()
	if err != nil {
		return err
	}
	if err := o.tryConfig(content, key); err != nil {
		return err
	}
	if err := o.write(content, key, kept); err != nil {
		return err
	}
	return initText(cmd.OutOrStdout(), o, kept, note)
}

// files are the files that must not be there yet, the configuration last: where
// it is, the others are.
func (o *initOptions) files() []string {
	if o.noDoublePuppet {
		return []string{registrationName, configName}
	}
	return []string{registrationName, doublePuppetName, configName}
}

func (o *initOptions) refuseOverwrite() error {
	if o.force {
		return nil
	}
	var there []string
	for _, name := range o.files() {
		if _, err := os.Lstat(filepath.Join(o.dir, name)); err == nil {
			there = append(there, name)
		}
	}
	if len(there) > 0 {
		return fmt.Errorf("%s already has %s: edit what is there, or start over with --force, after which the homeserver needs the new registration",
			o.dir, strings.Join(there, ", "))
	}
	return nil
}

// ask fills what no flag has given: at most four questions.
func (o *initOptions) ask(ctx context.Context, a asker) error {
	for _, one := range []struct {
		question
		value *string
	}{
		{question{"homeserver", "URL where Causeway reaches the homeserver, such as http://localhost:8008", "", config.CheckURL}, &o.homeserver},
		{question{"admin", "Your Matrix ID, such as @you:example.org", "", config.CheckUserID}, &o.admin},
		{question{"domain", "The homeserver's domain", "", config.CheckDomain}, &o.domain},
		{question{"url", "URL where the homeserver reaches Causeway", defaultURL, config.CheckURL}, &o.url},
	} {
		if one.flag == "domain" { // proposed after the Matrix ID: an URL often has another name
			_, one.proposal, _ = strings.Cut(o.admin, ":")
		}
		answer, err := a.get(ctx, one.question, *one.value)
		if err != nil {
			return err
		}
		*one.value = answer
	}
	return nil
}

const (
	defaultPort = "29350"
	defaultURL  = "http://localhost:" + defaultPort
)

// listenFor is where to listen if the homeserver comes to s, and what the
// administrator has to see to, if anything.
func listenFor(s string) (listen, note string) {
	u, err := url.Parse(s)
	if err != nil { // checked before
		return "127.0.0.1:" + defaultPort, ""
	}
	if u.Scheme == "https" || u.Port() == "" {
		return "127.0.0.1:" + defaultPort, "Something on this machine (a reverse proxy) must pass on " + s + " to http://127.0.0.1:" + defaultPort + "."
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback()) {
		return net.JoinHostPort(map[bool]string{true: "127.0.0.1", false: u.Hostname()}[u.Hostname() == "localhost"], u.Port()), ""
	}
	return "0.0.0.0:" + u.Port(), "Causeway listens on every interface for the homeserver; let no one else reach port " + u.Port() + "."
}

// key is the sealing key: the one that is there, for without it nothing stored
// can be read again, or a fresh one.
func (o *initOptions) key() (key config.Key, kept bool, err error) {
	path := filepath.Join(o.dir, keyName)
	data, err := os.ReadFile(path)
	switch {
	case err == nil:
		if err := key.UnmarshalText([]byte(strings.TrimSpace(string(data)))); err != nil {
			return key, false, fmt.Errorf("%s is there but cannot be used (%w): restore it, or move it away if nothing has been stored with it", path, err)
		}
		return key, true, nil
	case errors.Is(err, fs.ErrNotExist):
		rand.Read(key[:]) // never fails
		return key, false, nil
	}
	return key, false, fmt.Errorf("read key: %w", err)
}

// tryConfig makes sure that what will be written can be run.
func (o *initOptions) tryConfig(content []byte, key config.Key) error {
	inline := strings.Replace(string(content), "key_file: "+keyName, "key: "+key.Encode(), 1)
	c, err := config.Parse(filepath.Join(o.dir, configName), []byte(inline), func(string) (string, bool) { return "", false })
	if err == nil {
		_, err = openNetworks(c)
	}
	if err != nil {
		return fmt.Errorf("these answers make no configuration that works:\n%s", indent("  ", err.Error()))
	}
	return nil
}

// write writes the files, the configuration last: an init that was cut short
// has none, so it can be told from a finished one.
func (o *initOptions) write(content []byte, key config.Key, kept bool) error {
	if !kept {
		if err := registration.WriteFile(filepath.Join(o.dir, keyName), []byte(key.Encode()+"\n"), false); err != nil {
			return err
		}
	}
	r := registration.Options{URL: o.url, Domain: o.domain, Prefix: config.Defaults().Appservice.Prefix, Bot: config.Defaults().Bot.Name}
	if err := registration.Write(filepath.Join(o.dir, registrationName), registration.New(r), o.force); err != nil {
		return err
	}
	if !o.noDoublePuppet {
		if err := registration.Write(filepath.Join(o.dir, doublePuppetName), registration.NewDoublePuppet(r), o.force); err != nil {
			return err
		}
	}
	return registration.WriteFile(filepath.Join(o.dir, configName), content, o.force)
}
