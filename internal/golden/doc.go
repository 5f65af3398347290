// Package golden is for tests whose expected results are files in testdata, which
// go test -update writes. It is imported by tests and by test suites only.
package golden
