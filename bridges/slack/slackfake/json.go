package slackfake

import (
	"encoding/json"
	"fmt"
	"maps"
)

// JSON is an object as Slack has it.
type JSON = map[string]any

// clone is a deep copy, in which every value has the type that encoding/json
// gives it.
func clone(o JSON) JSON {
	raw, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("slackfake: %v", err)) // a test gave something that is no JSON
	}
	out := JSON{}
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(fmt.Sprintf("slackfake: %v", err))
	}
	return out
}

// with is a copy of o, one level deep, with more in it.
func with(o JSON, more ...JSON) JSON {
	out := maps.Clone(o)
	if out == nil {
		out = JSON{}
	}
	for _, m := range more {
		maps.Copy(out, m)
	}
	return out
}

// str is a string of o, or empty.
func str(o JSON, key string) string {
	v, _ := o[key].(string)
	return v
}

// nullable is null for an empty ID.
func nullable(id string) any {
	if id == "" {
		return nil
	}
	return id
}
