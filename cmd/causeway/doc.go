// Command causeway joins chat networks to Matrix.
//
// main calls run, which makes the command tree of root.go and returns an error;
// only main turns it into words and an exit status. Each command is a file of
// its name, what people read is in *_text.go beside it under the rules of
// text.go, and connectors.go is the explicit list of networks in this build.
//
// Commands own nothing that outlives them. init and "registration update" write
// the configuration, its key and the registration files, whole or not at all.
package main
