package main

import (
	"context"
)

func newIRC(context.Context) (far, error) { panic(1) }
