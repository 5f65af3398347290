// Package large proves that a large workspace of Slack is usable at once: the whole
// of Causeway, a process of its own, between a fake Slack that keeps the rate limits
// of its tiers, by the real clock, and a homeserver in memory. There is nothing but
// tests in it.
//
// # What is stored when
//
// Causeway's folder is in a folder of the test's.
//
// # Who owns what
//
// The test's process has both servers; the child, which is the same program with
// a path in its environment, has Causeway and ends with the test.
package large
