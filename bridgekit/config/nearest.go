package config

import "strings"

// nearest is the name most like s, "" if none is alike.
func nearest(s string, names []string) string {
	best, least := "", 1+max(1, len(s)/3)
	for _, name := range names {
		d := distance(strings.ToLower(s), name)
		if plain := strings.NewReplacer("_", "", "-", ""); d > 0 && plain.Replace(strings.ToLower(s)) == plain.Replace(name) {
			d = 0
		}
		if d < least {
			best, least = name, d
		}
	}
	return best
}

// distance is the number of bytes to insert, remove, change or swap with their
// neighbour to make a into b (optimal string alignment).
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 { // no key is that long
		return len(a) + len(b)
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			rows[i][j] = min(change, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
