package matrixtest

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
)

// A route is one endpoint. Its name is "METHOD pattern" with the parameters'
// names of the specification, as in http.ServeMux.
type route struct {
	name   string
	also   []string // shorter or longer patterns of the same endpoint
	handle func(*call) (any, *Error)
	flags  routeFlags
	params []string
	off    bool // Options.Without
	count  atomic.Int64
}

type routeFlags int

const (
	open   routeFlags = 1 << iota // no access token needed
	stream                        // the handler reads the body itself
	once                          // the last parameter is a transaction ID
)

// maxParams is the largest number of parameters in a pattern.
const maxParams = 4

// A router finds routes by path segment. http.ServeMux is not used because
// Matrix paths have empty last segments (state keys) that it cannot match,
// and because it redirects where a homeserver answers M_UNRECOGNIZED.
type router struct {
	root   node
	routes []*route
}

type node struct {
	static map[string]*node
	param  *node
	method map[string]*route
}

func newRouter(routes []*route, without []string) *router {
	rt := &router{routes: routes}
	for _, r := range routes {
		for _, name := range without {
			r.off = r.off || name == r.name
		}
		method, pattern, _ := strings.Cut(r.name, " ")
		for _, p := range append([]string{pattern}, r.also...) {
			rt.add(r, method, p)
		}
	}
	return rt
}

// add enters a route. Patterns of one route share their first parameters, so
// the longest list of names serves all.
func (rt *router) add(r *route, method, pattern string) {
	var params []string
	n := &rt.root
	for seg := range strings.SplitSeq(pattern[1:], "/") {
		if strings.HasPrefix(seg, "{") {
			params = append(params, seg[1:len(seg)-1])
			if n.param == nil {
				n.param = &node{}
			}
			n = n.param
			continue
		}
		if n.static == nil {
			n.static = map[string]*node{}
		}
		if n.static[seg] == nil {
			n.static[seg] = &node{}
		}
		n = n.static[seg]
	}
	if n.method == nil {
		n.method = map[string]*route{}
	}
	n.method[method] = r
	if len(params) > len(r.params) {
		r.params = params
	}
}

// find returns the route and its parameters, unescaped, or a nil route and
// the error that a homeserver gives for such a path.
func (rt *router) find(r *http.Request) (*route, [maxParams]string, *Error) {
	var params [maxParams]string
	n, count := &rt.root, 0
	rest, more := strings.TrimPrefix(r.URL.EscapedPath(), "/"), true
	for depth := 0; more; depth++ {
		var seg string
		seg, rest, more = strings.Cut(rest, "/")
		if depth == 2 && seg == "r0" {
			seg = "v3" // the name of the same endpoints before v1.1
		}
		if next := n.static[seg]; next != nil {
			n = next
			continue
		}
		if n.param == nil || count == maxParams {
			return nil, params, fail(http.StatusNotFound, codeUnrecognized, "Unrecognized request")
		}
		value, err := url.PathUnescape(seg)
		if err != nil {
			return nil, params, badRequest(codeInvalidParam, "Bad escaping in path")
		}
		n, params[count] = n.param, value
		count++
	}
	found := n.method[r.Method]
	switch {
	case found != nil && !found.off:
		return found, params, nil
	case found == nil && len(n.method) > 0:
		return nil, params, fail(http.StatusMethodNotAllowed, codeUnrecognized, "Unrecognized request")
	}
	return nil, params, fail(http.StatusNotFound, codeUnrecognized, "Unrecognized request")
}
