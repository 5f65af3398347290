// Package npm installs packages of Node.js from npm, exactly those of a lock file,
// in a directory that package kept keeps.
package npm
