// Package jssdk starts people at matrix-js-sdk with the Rust SDK's encryption, from npm:
// what Element Web is made of below its windows. It shares and reads keys as Element
// does, and says which shield Element shows beside a message.
//
// # What is stored when
//
// The programs are kept as package npm says. The client's keys are in its memory: each
// start is a new device.
package jssdk
