package config

import (
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/hub"
)

// Config is the whole configuration. The doc tags are the documentation that
// Reference prints; an example tag shows a value where the default is none.
type Config struct {
	Homeserver  Homeserver  `yaml:"homeserver" doc:"Your Matrix homeserver."`
	Appservice  Appservice  `yaml:"appservice" doc:"How the homeserver and Causeway talk to each other. After changing url, prefix or the bot's name, run: causeway registration update"`
	Bot         Bot         `yaml:"bot" doc:"The bot that takes commands."`
	Database    Database    `yaml:"database" doc:"Where everything is stored: sqlite:FILE, or postgres://USER:PASSWORD@HOST/NAME (database_file and database_env keep the password out of here)."`
	Key         Key         `yaml:"key" doc:"Required: the secret that seals messages and passwords in the database, 64 hexadecimal digits; 'causeway init' writes it to a file of its own and sets key_file. Whoever loses it has to sign in everywhere again." example:"_file: causeway.key"`
	Permissions Permissions `yaml:"permissions" doc:"Who may do what: a Matrix ID, a domain (in which * and ? stand for anything) or \"*\" for everyone, with block, relay (be relayed in bridged rooms), user (sign in with own accounts) or admin. The most specific line counts; who is on none is blocked." example:"{\"@you:example.org\": admin, example.org: user, \"*\": relay}"`
	People      People      `yaml:"people" doc:"What holds for everybody, unless they choose otherwise."`
	Networks    Networks    `yaml:"networks" doc:"The networks to bridge, each named PROTOCOL.NAME. The name is in the Matrix IDs of its people for ever: choose it well and never change it."`
	Filters     Filters     `yaml:"filters" doc:"Which chats get rooms, for each network: IDs of chats, in which * and ? stand for anything, or kind:direct, kind:group, kind:channel. What deny names gets none; if there is an allow, nothing else gets one. Administrators can make others by hand." example:"{irc.libera: {allow: [\"#go*\", \"kind:direct\"], deny: [\"#go-spam\"]}}"`
	BridgeAll   Policies    `yaml:"bridge_all" doc:"Which chats of a network with a relay are bridged without anybody's asking, also those that are made later: names, in which * and ? stand for anything; no allow is all. A chat that is not open to everybody has to be named without them, and its members have to let the relay in. guest is invited to the space that the rooms are in." example:"{irc.libera: {allow: [\"#team-*\"], deny: [\"#team-x\"], guest: \"@you:example.org\"}}"`
	Logout      Logout      `yaml:"logout" doc:"What becomes of a person's rooms when they sign out of an account."`
	Health      Health      `yaml:"health" doc:"How what is not well is found out, and who is told."`
	Public      Public      `yaml:"public" doc:"Optional: an address that everybody can reach, for links to long texts and files. It is apart from appservice.listen, which only the homeserver needs to reach."`
	Relay       Relay       `yaml:"relay" doc:"How people without an account on a network appear there."`
	Delivery    Delivery    `yaml:"delivery" doc:"How people of Matrix see what became of what they wrote."`
	Encryption  Encryption  `yaml:"encryption" doc:"Whether rooms are encrypted between people and Causeway, which speaks to the networks for them: docs/encryption.md."`
	Rooms       Rooms       `yaml:"rooms" doc:"What becomes of rooms."`
	Hub         Hub         `yaml:"hub" doc:"Rooms in which several networks meet."`
	History     History     `yaml:"history" doc:"How much of a chat's past its room gets, where the network keeps it. Nothing can be put behind a message that is in a room: what a new room does not get, it never has."`
	Limits      Limits      `yaml:"limits" doc:"How much of what."`
	Log         Log         `yaml:"log" doc:"What is logged to standard error. Message contents never are."`
	Metrics     Metrics     `yaml:"metrics" doc:"/metrics for Prometheus, /healthz and /readyz."`

	file string // as given to Load
	dir  string // its folder, absolute
	// secretFiles are the files that _file keys outside of networks name.
	secretFiles []string
}

// Homeserver is where the Matrix homeserver is. After Load, the URL has no
// slash at its end; the same goes for the other URLs.
type Homeserver struct {
	URL    string `yaml:"url" doc:"Required: where Causeway reaches the homeserver's client API." example:"http://localhost:8008"`
	Domain string `yaml:"domain" doc:"Required: the part of your Matrix IDs after the colon." example:"example.org"`
}

// Appservice is the private connection between homeserver and Causeway.
type Appservice struct {
	Listen       string `yaml:"listen" doc:"Address and port on which Causeway waits for the homeserver."`
	URL          string `yaml:"url" doc:"Where the homeserver reaches that; default: http://localhost and the port of listen." example:"http://localhost:29350"`
	Registration string `yaml:"registration" doc:"The registration file, which the homeserver reads too."`
	DoublePuppet string `yaml:"double_puppet" doc:"The second registration file. It lets Causeway act as every local user, to show what people send from their phones as theirs. Leave it out to decline." example:"double-puppet.yaml"`
	Prefix       string `yaml:"prefix" doc:"What the Matrix IDs of bridged people and rooms begin with. Never change it once people have used Causeway."`
}

// Bot is the bot's account.
type Bot struct {
	Name        string `yaml:"name" doc:"Its Matrix ID without @ and domain."`
	DisplayName string `yaml:"displayname" doc:"The name people see."`
}

// Public is the listener that everybody can reach. Both fields are set or none.
type Public struct {
	Listen string `yaml:"listen" doc:"Address and port to listen on." example:"127.0.0.1:29352"`
	URL    string `yaml:"url" doc:"Where the public reaches that, usually through a reverse proxy with HTTPS." example:"https://causeway.example.org"`
}

// Relay is how relayed people appear.
type Relay struct {
	Prefix string `yaml:"prefix" doc:"Comes before the text of a relayed person where a network cannot show their name: {name} is the display name, {mxid} the Matrix ID, {network} the network they are on; <b>, <i>, <u>, <s> and <code> are possible. A network's own relay_format counts before it."`
}

// Hub is about rooms of several networks. What each network may do there is set in the
// room, with the bot's command hub.
type Hub struct {
	Bridges hub.Bridges `yaml:"bridges" doc:"The people of other bridges: patterns of Matrix IDs, with * for anything, and relay (they are carried like everybody) or ignore." example:"{\"@telegram_*:example.org\": relay, \"@_slack_*:example.org\": ignore}"`
}

// Delivery is how people of Matrix see what became of what they wrote.
type Delivery struct {
	Notices  bool `yaml:"notices" doc:"Whether the bot says in the room what could not be delivered, and why. A status event says it in any case, to clients that know it (com.beeper.message_send_status)."`
	Receipts bool `yaml:"receipts" doc:"Whether the bot marks as read what all networks of a room have taken; that is one request a second for a room in which people write."`
	Events   bool `yaml:"events" doc:"Whether a status event says of each message that a network has taken it; that is one more event in the room for each message and network."`
}

// Encryption is about encrypted rooms.
type Encryption struct {
	Mode EncryptionMode `yaml:"mode" doc:"With off, messages in encrypted rooms fail; with allow, rooms that people have encrypted are bridged; with default, new rooms are encrypted as well; with require, nothing is bridged that is not encrypted."`
}

// Rooms is what becomes of rooms.
type Rooms struct {
	Remake bool `yaml:"remake" doc:"When the homeserver does not have a chat's room any more (it was purged, or a backup was restored that is older), the next message from the network makes a new one. Else the chat is no longer bridged until somebody asks for it with join or pm."`
}

// History is how much of a chat's past its room gets.
type History struct {
	Messages int           `yaml:"messages" doc:"How many messages of the past a new room gets; 0 for none."`
	Wait     time.Duration `yaml:"wait" doc:"How long the first message of a new room waits for the network to hand its past over; 0s for as long as it takes. Raise it together with messages."`
	CatchUp  int           `yaml:"catch_up" doc:"How many messages are fetched at most to fill a gap that the network reports; 0 for none."`
}

// Limits are amounts.
type Limits struct {
	Spool      Size          `yaml:"spool" doc:"Disk space for files on their way."`
	LinkExpiry time.Duration `yaml:"link_expiry" doc:"How long links to texts and files work."`
	Members    int           `yaml:"members" doc:"In rooms with more members than this, people join when they first speak."`
	Logins     int           `yaml:"logins" doc:"How many accounts one person may sign in to; 0 for no limit."`
	Portals    int           `yaml:"portals" doc:"How many rooms one person's accounts may have; 0 for no limit. Chats beyond it are not bridged, and the person is told."`
	Presence   int           `yaml:"presence" doc:"How many changes of presence and status texts the homeserver is told a second, of all networks together, about people who have a Matrix ID here; who is there is told again every 25 seconds. 0 for none, which is best where the homeserver has presence switched off."`
	NewSenders int           `yaml:"new_senders" doc:"How many people a minute may speak in a room for the first time as themselves; 0 for no limit. The bot, or the relay, says what more of them say, with their name in front."`
}

// Log is what is logged and how.
type Log struct {
	Level  LogLevel  `yaml:"level" doc:"debug, info, warn or error."`
	Format LogFormat `yaml:"format" doc:"text or json."`
}

// Metrics is the listener for operators.
type Metrics struct {
	Listen string `yaml:"listen" doc:"Address and port to listen on; \"\" for none."`
}

// Defaults is the configuration of an empty file. It does not pass Load's
// checks: the homeserver and the key have no default.
func Defaults() *Config {
	return &Config{
		Appservice: Appservice{
			Listen:       "127.0.0.1:29350",
			Registration: "registration.yaml",
			Prefix:       "_cw_",
		},
		Bot:        Bot{Name: "causeway", DisplayName: "Causeway"},
		Database:   Database{Dialect: SQLite, Source: "causeway.db"},
		Relay:      Relay{Prefix: "<{name}> "},
		Delivery:   Delivery{Notices: true},
		Encryption: Encryption{Mode: EncryptionOff},
		History:    History{Messages: 50, Wait: 3 * time.Second, CatchUp: 500},
		Limits: Limits{
			Spool:      2 << 30,
			LinkExpiry: 7 * 24 * time.Hour,
			Members:    50,
			Logins:     20,
			NewSenders: 30,
			Presence:   2,
		},
		People:  People{DoublePuppets: true, Spaces: true},
		Logout:  Logout{Private: CleanupNothing, Shared: CleanupKick, Relayed: CleanupNothing, Last: CleanupNothing},
		Health:  Health{Probe: 3 * time.Minute, Canary: 5 * time.Minute},
		Log:     Log{Level: LogLevel(slog.LevelInfo), Format: LogText},
		Metrics: Metrics{Listen: "127.0.0.1:29351"},
	}
}

// Load reads the configuration file at path and the secret files it names. An
// error is a Problems if the file could be read. Every process calls it once.
func Load(path string) (*Config, error) {
	data, err := readSmall(path)
	if err != nil {
		return nil, Problems{{File: path, Line: 1, Column: 1, Text: err.Error() +
			"; make a configuration with: causeway init"}}
	}
	return Parse(path, data, os.LookupEnv)
}

// Parse is Load with the content of the file in data and the environment in
// env. Secret files are read relative to path's folder.
func Parse(path string, data []byte, env func(string) (string, bool)) (*Config, error) {
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	d := &decoder{file: path, dir: dir, env: env, at: map[string]position{}, failed: map[string]bool{}}
	c := Defaults()
	c.file, c.dir = path, dir
	if n := d.document(data); n != nil {
		d.value(n, reflect.ValueOf(c).Elem(), "")
	}
	c.secretFiles = d.secretFiles
	c.complete()
	c.validate(d)
	if len(d.problems) > 0 {
		return nil, d.problems.sorted()
	}
	return c, nil
}

// File is the path that Load was given.
func (c *Config) File() string { return c.file }

// Dir is the absolute folder of the configuration file.
func (c *Config) Dir() string { return c.dir }

// BotID is the bot's Matrix ID.
func (c *Config) BotID() string { return "@" + c.Bot.Name + ":" + c.Homeserver.Domain }

// Network finds a network by its name, nil if there is none.
func (c *Config) Network(id string) *Network {
	for i := range c.Networks {
		if string(c.Networks[i].ID) == id {
			return &c.Networks[i]
		}
	}
	return nil
}
