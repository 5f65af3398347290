// Package venv installs programs from PyPI, each list of packages in a virtual
// environment of its own, which package kept keeps: one for each list of versions
// and each Python.
package venv
