package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

const initLong = `Write everything Causeway needs into one folder: the configuration, the key that
seals what is stored, and two registration files for the homeserver. Then say
what to put into the homeserver's configuration.

It asks at most four questions; each has a flag, so it also runs without anybody
to ask. Nothing that exists is replaced without --force, and the key never is.

  causeway init
  causeway init --homeserver http://localhost:8008 --admin @you:example.org --irc irc.libera.chat
`

// initText says what was written and what comes next.
func initText(w io.Writer, o *initOptions, keptKey bool, note string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Written to %s:\n", o.dir)
	fmt.Fprintf(&b, "  %-20s the configuration\n", configName)
	fmt.Fprintf(&b, "  %-20s how the homeserver knows Causeway\n", registrationName)
	if !o.noDoublePuppet {
		fmt.Fprintf(&b, "  %-20s lets Causeway act as every user of %s\n", doublePuppetName, o.domain)
	}
	if keptKey {
		fmt.Fprintf(&b, "  %-20s was there and is kept\n", keyName)
	} else {
		fmt.Fprintf(&b, "  %-20s seals what is stored: keep a copy in a safe place\n", keyName)
	}
	if !o.noDoublePuppet {
		fmt.Fprintf(&b, "\n"+doublePuppetText, doublePuppetName)
	}
	if note != "" {
		fmt.Fprintf(&b, "\n%s\n", note)
	}
	b.WriteString("\n" + homeserverText(o.domain, o.registrations()))
	option := ""
	if wd, err := filepath.Abs("."); err != nil || wd != o.dir {
		option = " --config " + shellQuote(filepath.Join(o.dir, configName))
	}
	fmt.Fprintf(&b, "\nThen:\n  causeway doctor%s\n  causeway run%s\n", option, option)
	_, err := io.WriteString(w, b.String())
	return err
}

// registrations are the absolute paths of the registration files.
func (o *initOptions) registrations() []string {
	files := []string{filepath.Join(o.dir, registrationName)}
	if !o.noDoublePuppet {
		files = append(files, filepath.Join(o.dir, doublePuppetName))
	}
	return files
}

// doublePuppetText is plain about what the second registration means; its
// argument is the file's name.
const doublePuppetText = `About %[1]s: with it, what people send from their phones appears
in Matrix as theirs. It lets Causeway read and write as every user of your
homeserver, so guard it like a root password. To decline, delete the file, take
the line double_puppet out of causeway.yaml, and leave the file out below.
Everything else works without it.
`

// homeserverText says what to put into the homeserver's configuration so that it
// knows the registration files.
func homeserverText(domain string, files []string) string {
	var b strings.Builder
	list := func(indent string) {
		for _, file := range files {
			fmt.Fprintf(&b, "%s- %s\n", indent, yamlQuote(file))
		}
	}
	each := ""
	if len(files) > 1 {
		each = ", once for each file"
	}
	b.WriteString("Tell your homeserver, in the way of its kind:\n\n")
	b.WriteString("Synapse: in homeserver.yaml; then restart it (systemctl restart matrix-synapse)\n")
	b.WriteString("  app_service_config_files:\n")
	list("    ")
	b.WriteString("\nDendrite: in dendrite.yaml; then restart it\n")
	b.WriteString("  app_service_api:\n    config_files:\n")
	list("      ")
	fmt.Fprintf(&b, "\nConduit: send this to the admin room%s; no restart\n", each)
	fmt.Fprintf(&b, "  @conduit:%s: register_appservice\n", domain)
	b.WriteString(codeBlock)
	fmt.Fprintf(&b, "\nContinuwuity: send this to the admin room%s; no restart\n", each)
	b.WriteString("  !admin appservices register\n")
	b.WriteString(codeBlock)
	b.WriteString("\nTuwunel: copy into a folder of their own, then in tuwunel.toml; then restart it\n")
	for _, file := range files {
		fmt.Fprintf(&b, "  install -D -m 600 %s /etc/tuwunel/appservices/%s\n", shellQuote(file), filepath.Base(file))
	}
	b.WriteString("  [global]\n  appservice_dir = \"/etc/tuwunel/appservices\"\n")
	b.WriteString(`
The files are readable by you alone. If the homeserver runs as another user, give
it copies and name those, for example:
`)
	quoted := make([]string, len(files))
	for i, file := range files {
		quoted[i] = shellQuote(file)
	}
	fmt.Fprintf(&b, "  sudo install -o matrix-synapse -m 600 %s /etc/matrix-synapse/\n", strings.Join(quoted, " "))
	return b.String()
}

const codeBlock = "  ```\n  (the content of the file: causeway registration show --secrets prints the message)\n  ```\n"

// shellQuote is s as one word of a shell.
func shellQuote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+=,", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// yamlQuote is s as one value of a YAML list.
func yamlQuote(s string) string {
	if shellQuote(s) == s && !strings.ContainsAny(s[:1], "@%") && !strings.Contains(s, ":") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
