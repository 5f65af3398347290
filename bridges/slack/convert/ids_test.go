package convert

import (
	"testing"
	"time"
)

func TestTS(t *testing.T) {
	ts := TS("1355517523.000005")
	if !ts.Valid() || ts.Order() != 1355517523000005 || ts.Time() != time.Unix(1355517523, 5000).UTC() || At(ts.Time()) != ts {
		t.Errorf("%v %v %v %v", ts.Valid(), ts.Order(), ts.Time(), At(ts.Time()))
	}
	if ts.Compare("1355517523.000006") != -1 || ts.Compare("999999999.999999") != 1 || ts.Compare(ts) != 0 {
		t.Error("order")
	}
	for _, bad := range []TS{"", "1355517523", "1355517523.05", "x.000000", "1.00000x", "-1.000000", "123456789012.000000", ".000000"} {
		if bad.Valid() || bad.Order() != 0 || !bad.Time().IsZero() {
			t.Errorf("%q is valid", bad)
		}
	}
	if At(time.Time{}) != "0.000000" {
		t.Error(At(time.Time{}))
	}
}

func TestMessageLink(t *testing.T) {
	for address, want := range map[string]MessageLink{
		"https://acme.slack.com/archives/C012AB3CD/p1355517523000005": {"acme.slack.com", "C012AB3CD", "1355517523.000005", ""},
		"https://acme.enterprise.slack.com/archives/C012AB3CD/p1355517523000005?thread_ts=1355517500.000001&cid=C012AB3CD": {
			"acme.enterprise.slack.com", "C012AB3CD", "1355517523.000005", "1355517500.000001"},
		"https://acme.slack.com/archives/C012AB3CD": {"acme.slack.com", "C012AB3CD", "", ""},
	} {
		got, ok := ParseMessageLink(address)
		if !ok || got != want || got.String() != address {
			t.Errorf("%s: %+v %v %s", address, got, ok, got)
		}
	}
	for _, address := range []string{
		"", "https://acme.slack.com/archives", "https://acme.slack.com/archives/C012AB3CD/p1355517523000005/x", "https://slack.com.evil.example/archives/C012AB3CD/p1355517523000005",
		"https://acme.slack.com/archives/C012AB3CD/p135551752300000x", "ftp://acme.slack.com/archives/C012AB3CD/p1355517523000005",
		"https://acme.slack.com/archives/../p1355517523000005", "https://acme.slack.com/archives/C1/p12", "https://acme.slack.com/files/C012AB3CD/p1355517523000005", "://",
	} {
		if l, ok := ParseMessageLink(address); ok {
			t.Errorf("%s is %+v", address, l)
		}
	}
}
