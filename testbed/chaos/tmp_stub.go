package main

import (
	"context"
	"net/http"
)

func newReal(context.Context, plan, string, http.Handler) (home, error) { panic(1) }
func newIRC(context.Context) (far, error)                               { panic(1) }
