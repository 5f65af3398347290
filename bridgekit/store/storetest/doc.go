// Package storetest gives tests a fresh database of each kind that Causeway runs
// on: SQLite in a temporary folder, and PostgreSQL in a temporary cluster that
// [Main] starts for the test binary and removes after it.
package storetest
