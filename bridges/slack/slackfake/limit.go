package slackfake

import (
	"math"
	"time"
)

// A tier is how often a method may be called, as
// https://docs.slack.dev/apis/web-api/rate-limits has it.
type tier int

const (
	special tier = iota // not limited here
	tier1
	tier2
	tier3
	tier4
	posting // one a second in a channel
	history // tier 3, and one a minute for distributed apps
)

// perMinute are the calls of a tier in a minute.
func (t tier) perMinute() float64 {
	return map[tier]float64{tier1: 1, tier2: 20, tier3: 50, tier4: 100, posting: 60, history: 50}[t]
}

// A bucket holds the calls that are allowed now.
type bucket struct {
	left float64
	at   time.Time
}

// limit takes a call from its bucket.
func (c *call) limit(m method) error {
	if !c.s.cfg.Limits || m.tier == special {
		return nil
	}
	rate, size := m.tier.perMinute(), m.tier.perMinute()
	key := c.tok.value + " " + c.name
	if c.tok.app != nil {
		key = c.tok.app.ID + " " + c.tok.team + " " + c.name
	}
	switch {
	case m.tier == tier1:
		size = 10 // "infrequent bursts are tolerated"
	case m.tier == posting:
		key += " " + c.str("channel")
		size = 5 // "short bursts are allowed"
	case m.tier == history && c.tok.app != nil && c.tok.app.Distributed:
		rate, size = 1, 1
	}
	now := c.s.cfg.Now()
	b := c.s.buckets[key]
	if b == nil {
		b = &bucket{left: size, at: now}
		c.s.buckets[key] = b
	}
	b.left = min(size, b.left+now.Sub(b.at).Minutes()*rate)
	b.at = now
	if b.left < 1 {
		wait := math.Ceil((1 - b.left) / rate * 60)
		return &failure{code: "ratelimited", more: JSON{"retry_after": int(max(wait, 1))}}
	}
	b.left--
	return nil
}
