package e2e

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/testbed/bridge"
	"github.com/causeway-chat/causeway/testbed/child"
	"github.com/causeway-chat/causeway/testbed/homeserver"
)

// TestDoctor sets Causeway up for Synapse as docs/setup.md and "causeway init" say
// to an administrator, and has the doctor look at it before the first run and
// during it.
func TestDoctor(t *testing.T) {
	path := build(t)
	w := newBareWorld(t, synapse)
	addr, err := child.FreeAddr()
	check(t, err)
	listen, err := child.FreeAddr()
	check(t, err)
	dir := t.TempDir()
	w.folder = &bridge.Folder{Dir: dir, Config: filepath.Join(dir, "causeway.yaml")}
	irc := startFake(t, w.ctx)
	said := w.output(path, "init", "--dir", dir, "--homeserver", "http://"+addr, "--admin", "@you:localhost",
		"--domain", "localhost", "--url", "http://"+listen, "--irc", "test="+irc.Addr())
	f, err := os.OpenFile(w.folder.Config, os.O_APPEND|os.O_WRONLY, 0)
	check(t, err)
	metrics, err := child.FreeAddr() // the usual port may be another Causeway's
	check(t, err)
	_, err = f.WriteString("metrics: {listen: \"" + metrics + "\"}\n")
	check(t, err)
	check(t, f.Close())

	w.hs, err = homeserver.Start(w.ctx, homeserver.Options{
		Dir: filepath.Join(dir, "homeserver"), Addr: addr, Name: "localhost", Registrations: toInstall(t, said),
		Users: []homeserver.User{{Name: "you", Password: "secret"}}, Launch: w.launcher, Stderr: logTo(),
	})
	check(t, err)
	t.Cleanup(func() { check(t, w.hs.Kill()) })

	w.well(path, "ok   database: "+filepath.Join(dir, "causeway.db")+" does not exist yet")
	w.launch(path)
	w.until("Causeway is ready", func() error {
		resp, err := http.Get("http://" + metrics + "/readyz")
		if err != nil {
			return err
		}
		check(t, resp.Body.Close())
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		return nil
	})
	w.well(path, "ok   running Causeway: ")
}

// toInstall are the files that init tells an administrator of Synapse to name in
// homeserver.yaml.
func toInstall(t *testing.T, said string) []string {
	t.Helper()
	_, list, ok := strings.Cut(said, "\nSynapse: in homeserver.yaml; then restart it (systemctl restart matrix-synapse)\n  app_service_config_files:\n")
	list, _, end := strings.Cut(list, "\n\n")
	if !ok || !end {
		t.Fatalf("init says nothing about Synapse:\n%s", said)
	}
	var files []string
	for line := range strings.Lines(list) {
		files = append(files, strings.TrimPrefix(strings.TrimSpace(line), "- "))
	}
	if len(files) != 2 {
		t.Fatalf("init tells to install %q", files)
	}
	return files
}

// well makes sure that the doctor finds nothing that could be better, nor leaves
// anything out, and says a line that begins with want.
func (w *world) well(path, want string) {
	w.t.Helper()
	said := w.output(path, "doctor", "-c", w.folder.Config)
	if !strings.HasSuffix(said, "\nEverything is well.\n") || regexp.MustCompile(`(?m)^(FAIL|warn|skip)`).MatchString(said) || !strings.Contains(said, "\n"+want) {
		w.t.Errorf("the doctor says\n%s", said)
	}
}

// output runs a program that has to succeed.
func (w *world) output(argv ...string) string {
	w.t.Helper()
	out, err := exec.CommandContext(w.ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	return string(out)
}
