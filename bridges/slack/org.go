package slack

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"time"
)

// teamsFor is how long it is believed which workspaces an organisation has for us.
const teamsFor = 10 * time.Minute

// An org is what is known of the organisation (Enterprise Grid) that a token is of. It
// may be used concurrently.
type org struct {
	mu    sync.Mutex // guards all below
	wide  bool       // the token is of the whole organisation, not of one workspace
	teams []string   // the workspaces that lists are asked for
	until time.Time  // when they are asked for again
}

// wide reports whether the login is one of a whole organisation, in whose workspaces
// IDs of channels and people are the same.
func (i *identity) wide() bool {
	return i.EnterpriseID != "" && (i.OrgInstall || !strings.HasPrefix(i.TeamID, "T"))
}

// learn takes whose token it is.
func (o *org) learn(who identity) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.wide = who.wide(); !o.wide && who.EnterpriseID != "" {
		o.teams = []string{who.TeamID} // Slack ignores it where it need not be said
	}
}

// teamsOf are the workspaces for which lists have to be asked for; one that is empty
// stands for that of the token.
func (a *api) teamsOf(ctx context.Context) ([]string, error) {
	a.org.mu.Lock()
	wide, teams, until := a.org.wide, a.org.teams, a.org.until
	a.org.mu.Unlock()
	switch {
	case !wide && len(teams) == 0:
		return []string{""}, nil
	case !wide || time.Now().Before(until):
		return teams, nil
	}
	var found []string
	args := url.Values{"limit": {"999"}}
	for {
		var out struct {
			Teams []struct{ ID string }
			Meta  struct {
				Next string `json:"next_cursor"`
			} `json:"response_metadata"`
		}
		if err := a.call(ctx, "auth.teams.list", args, &out); err != nil {
			return nil, err
		}
		for _, t := range out.Teams {
			found = append(found, t.ID)
		}
		if out.Meta.Next == "" {
			break
		}
		args.Set("cursor", out.Meta.Next)
	}
	a.org.mu.Lock()
	defer a.org.mu.Unlock()
	a.org.teams, a.org.until = found, time.Now().Add(teamsFor)
	return found, nil
}

// eachTeam calls f with args for each workspace of the token, until it says that it is
// enough. Slack wants team_id with the token of an organisation in all that lists.
func (a *api) eachTeam(ctx context.Context, args url.Values, f func(args url.Values) (enough bool, err error)) error {
	teams, err := a.teamsOf(ctx)
	if err != nil {
		return err
	}
	for _, t := range teams {
		args.Del("cursor")
		if t != "" {
			args.Set("team_id", t)
		}
		if enough, err := f(args); err != nil || enough {
			return err
		}
	}
	return nil
}
