package repo

import (
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

// An arrow says what the packages of a folder may import.
type arrow struct {
	from string // path of a folder, which stands for all below it
	// to are the packages of this module; "*" is all.
	to []string
	// tests are those that its tests may import besides.
	tests []string
	// std: nothing outside the standard library and to.
	std bool
}

// arrows are the house of docs/architecture.md. The first that fits counts.
func arrows() []arrow {
	const network, markup = "bridgekit/network", "bridgekit/markup"
	return []arrow{
		{from: "bridgekit/markup/html", to: []string{markup}},
		{from: markup, std: true},
		{from: network, to: []string{markup}, std: true},
		{from: "bridgekit/memnet", to: []string{network, markup}, tests: []string{"bridgekit/networktest"}},
		{from: "bridgekit/networktest", to: []string{network, markup, "internal/golden"}},
		{from: "internal/golden"},
		{from: "bridgekit/turns", std: true},
		{from: "bridgekit/matrix/crypt", to: []string{"bridgekit/matrix", "bridgekit/turns"}, tests: []string{"bridgekit/matrixtest", "bridgekit/store/storetest"}},
		{from: "bridgekit/matrix", to: []string{"bridgekit/turns"}, tests: []string{"bridgekit/matrixtest"}},
		{from: "bridgekit/matrixtest"},
		{from: "bridgekit/hub", to: []string{network, markup, "bridgekit/markup/html"}},
		{from: "bridgekit/config", to: []string{network, "bridgekit/hub"}},
		{from: "bridgekit/step", std: true},
		{from: "bridgekit/store", to: []string{network, "bridgekit/step", "bridgekit/hub"}},
		{from: "bridgekit/journal", to: []string{"bridgekit/store", "bridgekit/step"}},
		{from: "bridgekit", to: []string{"bridgekit", "registration"}},
		{from: "registration"},
		{from: "cmd/causeway/matterbridge", to: []string{"bridgekit/config", "bridgekit/hub"}},
		{from: "cmd", to: []string{"bridgekit", "bridges", "registration"}},
		{from: "testbed", to: []string{"*"}},
		{from: ".", to: []string{"*"}},
	}
}

// below reports whether a folder is another one or in it.
func below(folder, in string) bool {
	return in == "." || in == "*" || folder == in || strings.HasPrefix(folder, in+"/")
}

// imports follows the arrows. A connector may import the contract and its own
// packages, never the core or another connector.
func (r *repo) imports(name string, f *ast.File) {
	folder := path.Dir(name)
	var a arrow
	allowed := []string{folder}
	if parts := strings.Split(folder, "/"); parts[0] == "bridges" && len(parts) > 1 {
		a = arrow{to: []string{"bridgekit/network", "bridgekit/markup", "bridges/" + parts[1]}, tests: []string{"bridgekit/networktest"}}
		if len(parts) > 2 && parts[2] == "convert" {
			a.to = []string{"bridgekit/network", "bridgekit/markup"}
		}
	} else {
		all := arrows()
		a = all[slices.IndexFunc(all, func(a arrow) bool { return below(folder, a.from) })]
		allowed = append(allowed, a.from)
	}
	allowed = append(allowed, a.to...)
	if isTest(name) {
		allowed = append(append(allowed, a.tests...), "internal/golden")
	}
	for _, spec := range f.Imports {
		to, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			r.add("%s: %v", r.at(spec), err)
			continue
		}
		inner, ours := strings.CutPrefix(to+"/", module)
		inner = strings.TrimSuffix(inner, "/")
		switch {
		case ours && !slices.ContainsFunc(allowed, func(one string) bool { return covers(one, inner) }):
			r.add("%s: %s may not import %s", r.at(spec), folder, inner)
		case !ours && a.std && !isTest(name) && strings.Contains(strings.Split(to, "/")[0], "."):
			r.add("%s: %s may import the standard library only, not %s", r.at(spec), folder, to)
		}
	}
}

// covers reports whether an allowed folder covers an import. The contract is its
// packages alone; everything else stands for what is below it too.
func covers(allowed, to string) bool {
	if allowed == "bridgekit/network" || allowed == "bridgekit/markup" {
		return to == allowed
	}
	return below(to, allowed)
}
