// Package trap ends a process at a step of Causeway, as a crash there would: a child
// that a test has started sets one, and its parent says where.
package trap
