// Package arrival tells in which order events of rooms came to Causeway, by its journal.
// Dendrite pushes what was not acknowledged at first, or before its restart, behind newer
// events; then that order counts, and not the one in which things were said.
package arrival
