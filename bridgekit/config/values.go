package config

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A Dialect names a kind of database.
type Dialect string

const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// Database is where everything is stored.
type Database struct {
	Dialect Dialect
	// Source is the absolute path of the file for SQLite (relative before
	// Load has resolved it) and the connection URL for PostgreSQL, which may
	// hold a password.
	Source string
}

// UnmarshalText reads "sqlite:FILE" or "postgres://…".
func (db *Database) UnmarshalText(text []byte) error {
	s := string(text)
	if file, ok := strings.CutPrefix(s, "sqlite:"); ok {
		if file == "" || strings.HasPrefix(file, "//") || strings.ContainsAny(file, "?\x00") {
			return errors.New("write sqlite: and the path of a file, such as sqlite:causeway.db")
		}
		*db = Database{Dialect: SQLite, Source: file}
		return nil
	}
	if strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://") {
		u, err := url.Parse(s)
		if err != nil || strings.Trim(u.Path, "/") == "" {
			// err would repeat the password.
			return errors.New("write postgres://USER:PASSWORD@HOST/NAME, with special characters of the password percent-encoded")
		}
		*db = Database{Dialect: Postgres, Source: s}
		return nil
	}
	return errors.New("write sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME")
}

// String is the database as the configuration writes it, without the password.
func (db Database) String() string {
	if db.Dialect != Postgres {
		return string(db.Dialect) + ":" + db.Source
	}
	u, err := url.Parse(db.Source)
	if err != nil {
		return "postgres://"
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	u.RawQuery = "" // may hold a password too
	return u.String()
}

// LogValue keeps the password out of logs.
func (db Database) LogValue() slog.Value { return slog.StringValue(db.String()) }

// resolve makes the path of a SQLite file absolute.
func (db *Database) resolve(dir string) {
	if db.Dialect == SQLite && !filepath.IsAbs(db.Source) {
		db.Source = filepath.Join(dir, db.Source)
	}
}

// KeySize is the length of the sealing key in bytes.
const KeySize = 32

// A Key is the secret from which all others are made; see For.
type Key [KeySize]byte

// Purposes of keys.
const (
	KeySeal  = "seal"  // what is stored
	KeyMarks = "marks" // marks and aliases on the homeserver
	KeyLinks = "links" // public links
)

// For is the key of one purpose (HKDF-SHA256, RFC 5869), KeySize bytes. One that
// leaks tells nothing about the others. It is the same for ever.
func (k Key) For(purpose string) []byte {
	out, err := hkdf.Expand(sha256.New, k[:], "causeway "+purpose, KeySize)
	if err != nil {
		panic(err) // only for lengths above 8,160 bytes
	}
	return out
}

// UnmarshalText reads 64 hexadecimal digits. Errors do not repeat the text.
func (k *Key) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != KeySize {
		return fmt.Errorf("the key must be %d hexadecimal digits; 'openssl rand -hex %d' makes one", 2*KeySize, KeySize)
	}
	if Key(b) == (Key{}) {
		return errors.New("the key is all zeros, which is no secret")
	}
	*k = Key(b)
	return nil
}

// Encode is the text that UnmarshalText reads.
func (k Key) Encode() string { return hex.EncodeToString(k[:]) }

// String keeps the key out of texts.
func (Key) String() string { return "[secret]" }

// GoString keeps the key out of %#v.
func (Key) GoString() string { return "[secret]" }

// Format keeps the key out of every verb of fmt.
func (Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[secret]") }

// LogValue keeps the key out of logs.
func (Key) LogValue() slog.Value { return slog.StringValue("[secret]") }

// A LogLevel is the least important level that is logged. It is a slog.Leveler.
type LogLevel slog.Level

// Level makes it a slog.Leveler.
func (l LogLevel) Level() slog.Level { return slog.Level(l) }

// String is the level as the configuration writes it.
func (l LogLevel) String() string { return strings.ToLower(slog.Level(l).String()) }

// UnmarshalText accepts debug, info, warn and error.
func (l *LogLevel) UnmarshalText(text []byte) error {
	var level slog.Level
	if err := level.UnmarshalText(text); err != nil {
		return fmt.Errorf("%q is not a log level; write debug, info, warn or error", text)
	}
	*l = LogLevel(level)
	return nil
}

// An EncryptionMode says which rooms are encrypted.
type EncryptionMode string

// The modes. EncryptionAllow follows what people set in their rooms.
const (
	EncryptionOff     EncryptionMode = "off"
	EncryptionAllow   EncryptionMode = "allow"
	EncryptionDefault EncryptionMode = "default"
	EncryptionRequire EncryptionMode = "require"
)

// UnmarshalText accepts the modes.
func (m *EncryptionMode) UnmarshalText(text []byte) error {
	switch got := EncryptionMode(text); got {
	case EncryptionOff, EncryptionAllow, EncryptionDefault, EncryptionRequire:
		*m = got
		return nil
	}
	return fmt.Errorf("%q is not a mode; write off, allow, default or require", text)
}

// A LogFormat is how log lines are written.
type LogFormat string

const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// UnmarshalText accepts "text" and "json".
func (f *LogFormat) UnmarshalText(text []byte) error {
	switch got := LogFormat(text); got {
	case LogText, LogJSON:
		*f = got
		return nil
	}
	return fmt.Errorf("%q is not a log format; write text or json", text)
}

// A Size is an amount of bytes.
type Size int64

// sizeUnits are the units of a Size, each 1024 of the one before.
const sizeUnits = "KMGT"

// UnmarshalText reads a number of bytes or one with a unit: "512 MiB", "2GB",
// "10G". A unit is always a power of 1024.
func (s *Size) UnmarshalText(text []byte) error {
	wrong := fmt.Errorf("%q is not a size; write a number with a unit, such as 512MiB or 2GiB", text)
	t := strings.ToUpper(strings.TrimSpace(string(text)))
	t = strings.TrimSuffix(strings.TrimSuffix(t, "B"), "I")
	shift := 0
	if t != "" {
		if i := strings.IndexByte(sizeUnits, t[len(t)-1]); i >= 0 {
			shift = 10 * (i + 1)
			t = t[:len(t)-1]
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(t), 10, 64)
	if err != nil || n < 0 || n > (1<<62)>>shift {
		return wrong
	}
	*s = Size(n << shift)
	return nil
}

// String is the size with the largest unit that fits evenly.
func (s Size) String() string {
	n, unit := int64(s), ""
	for i := 0; i < len(sizeUnits) && n > 0 && n%1024 == 0; i++ {
		n, unit = n/1024, sizeUnits[i:i+1]+"iB"
	}
	return strconv.FormatInt(n, 10) + unit
}

// ParseDuration reads a duration as the configuration has it: 90d, 12h, 1h30m.
func ParseDuration(s string) (time.Duration, error) { return parseDuration(s) }

// parseDuration reads what time.ParseDuration reads and whole days ("7d").
func parseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 36500 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration; write a number with a unit, such as 30s, 15m, 12h or 7d", s)
	}
	return d, nil
}

// formatDuration is what parseDuration reads, in days where that fits.
func formatDuration(d time.Duration) string {
	if day := 24 * time.Hour; d >= day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}
