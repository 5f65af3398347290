package main

import (
	"context"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// TestRun: what is read is done, what means nothing is said, and the end of the input
// is the end.
func TestRun(t *testing.T) {
	in := strings.Join([]string{
		"mia #general Hello all", "/thread you #general last Me too", "/react mia #general last tada", "/pin mia #general last", "/file mia #general a.txt one line",
		"/topic mia #general Tides", "/purpose mia #general Who swims", "/invite causeway #council", "/archive mia #random", "/unarchive mia #random",
		"/show #general", "/show #council", "/help", "/disable", "/enable",
		"nobody #general hi", "mia #nowhere hi", "/dance mia #general", "/edit mia #general 1.2 x", "/refuse xoxb-none", "/thread mia #general",
	}, "\n")
	var out strings.Builder
	if err := run(context.Background(), slackfake.Config{}, strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"xoxb-", "xapp-", "xoxc-", "xoxd-", "READY", "Hello all", "Me too", "tada", "files=1", `topic "Tides", purpose "Who swims"`, "#council",
		"! there is no nobody", "! there is no #nowhere", "! not understood", `! there is no message "1.2"`, `! there is no token "xoxb-none"`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "!"); n != 6 {
		t.Errorf("%d problems, want 6:\n%s", n, out.String())
	}
}
