// Package config reads Causeway's configuration: one YAML file with few keys.
//
// [Defaults] holds the value of every key that the file leaves out. [Load] reads
// a file over them and is strict: an unknown key, a value of the wrong type or
// one that cannot work is an error with file, line, column and a remedy, and all
// errors of a file come at once ([Problems]). [Config.Advice] names what works
// but is probably not meant. [Reference] writes the documentation of every key
// from the types in this package.
//
// # Secrets
//
// Every value that is text may come from elsewhere, in the networks' sections
// too: add _file or _env to its key.
//
//	password: hunter2                        # in the file itself
//	password_file: /run/secrets/irc-password # the content of that file
//	password_env: IRC_PASSWORD               # an environment variable
//
// Blank space around the content of a file is dropped. There is no ${NAME}
// substitution inside values: a password may contain a dollar sign. Text of
// secrets never appears in an error.
//
// # Networks
//
// The section of a network belongs to its connector. This package checks the
// network's name and hands the section on as a [Network], whose Decode fills
// the connector's own struct with the same strictness.
//
// # What is stored when, who owns what
//
// Nothing is written, no other machine is asked, and there is no state: Load
// reads the file and the secret files it names, and the Config it returns is
// the caller's. Relative paths in the file are relative to its folder and
// absolute in a Config.
package config
