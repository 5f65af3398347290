// Package matterbridge turns the configuration of matterbridge
// (https://github.com/42wim/matterbridge, version 1.26) into what somebody does who
// comes from it: sections for causeway.yaml, and what to write in which room.
//
// Convert does all of it, without touching a file or a network: read.go reads TOML and
// notes each key that is not carried over with its line, networks.go writes the
// sections, rooms.go finds the rooms of gateways, lost.go says why the rest stays
// behind. Values that may be secrets are never in what it returns.
package matterbridge
