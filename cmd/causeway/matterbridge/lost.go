package matterbridge

import (
	"slices"
	"strings"
)

// protocols are those of matterbridge.
func protocols() []string {
	return []string{
		"api", "discord", "gitter", "harmony", "irc", "keybase", "matrix", "mattermost", "msteams", "mumble", "nctalk", "rocketchat",
		"slack", "slack-legacy", "sshchat", "steam", "telegram", "vk", "whatsapp", "xmpp", "zulip",
	}
}

// noProtocol says why an account's protocol stays behind.
func noProtocol(protocol string) string {
	switch {
	case protocol == "api":
		return "Causeway has no such interface for programs: a program can speak Matrix in the room"
	case slices.Contains(protocols(), protocol):
		return "this version of Causeway has IRC and Slack. Another bridge of Matrix to " + protocol + " can be in the same room: its people are carried like everybody"
	}
	return "matterbridge has no protocol " + protocol
}

// unused are the keys that matterbridge knows, in lower case, with what becomes of them.
func unused() map[string]string {
	const (
		byItself = "Causeway does this by itself"
		never    = "Causeway has no such thing"
		pace     = "Causeway keeps to what servers allow; flood, max_lines and hard_lines of the network are its limits (docs/irc.md)"
		files    = "files are passed on as files; for IRC as links of Causeway's own, with public (docs/setup.md)"
		format   = "relay_format of the network, or relay.prefix for all, is what stands before the text of people who are relayed"
		ignore   = "in a room of several networks write \"!cw hub ban NETWORK/NICK\" for each, in which * stands for anything; in a room of one network ban the bridged person. There are no regular expressions"
		rewrite  = "Causeway changes nobody's words or names"
		comings  = "\"!cw hub set NETWORK joins\" says which network is told who comes and goes elsewhere"
		log      = "log in causeway.yaml; it goes to standard error"
	)
	return map[string]string{
		"bind": never, "buffer": never, "colornicks": never, "label": never, "stripnick": never, "verbosejoinpart": never, "userelaymsg": never,
		"iconurl": "people have their own pictures", "nickformatter": never, "nicksperrow": never, "prefixmessageswithnick": format, "usefullname": byItself,
		"debug": log, "debuglevel": log, "logfile": log,
		"joindelay": byItself, "rejoindelay": byItself, "pingdelay": "ping_interval of the network", "ignorefailureonstart": byItself,
		"messagedelay": pace, "messagelength": pace, "messagequeue": pace, "messagesplit": pace, "messageclipped": pace,
		"mediadownloadblacklist": never, "mediadownloadpath": files, "mediadownloadsize": files, "mediaserverdownload": files, "mediaserverupload": files,
		"mediaconverttgs": byItself, "mediaconvertwebptopng": byItself,
		"editdisable": byItself, "editsuffix": byItself, "preservethreading": byItself, "keepquotedreply": byItself, "htmldisable": byItself, "stripmarkdown": byItself,
		"showtopicchange": byItself, "synctopic": byItself, "showusertyping": byItself, "nohomeserversuffix": format, "useusername": format, "spoofusername": format,
		"ignorenicks": ignore, "ignoremessages": never + " as leaving out messages by their words; filters in causeway.yaml leave out whole chats",
		"replacemessages": rewrite, "replacenicks": rewrite, "extractnicks": rewrite,
		"remotenickformat": format, "showjoinpart": comings, "nosendjoinpart": comings,
		"nickservusername": "a sign-in to QuakeNet's Q is a line of on_connect",
		"runcommands":      "the lines are not shown, because passwords may be in them: write them into on_connect of the network, as raw IRC; {BOTNICK} is not replaced",
		"webhookurl":       "the app of docs/slack.md does more than webhooks", "webhookbindaddress": "the app of docs/slack.md does more than webhooks",
		"url": never, "bindaddress": never, "useapi": never,
	}
}

// unread says of each key that was not read why it is not carried over, with its line.
func (c *conversion) unread(keys []key) {
	reasons := unused()
	for _, k := range keys {
		top, last := strings.ToLower(k.path[0]), strings.ToLower(k.path[len(k.path)-1])
		name := strings.Join(k.path, ".")
		reason, known := reasons[last]
		switch {
		case top == "tengo":
			reason = "Causeway runs no scripts on messages"
		case last == "remotenickformat" && strings.HasPrefix(top, "slack"):
			reason = "people have their own names and pictures there"
		case top == "gateway" && (last == "webhookurl" || last == "topic"):
			reason = "it is for a protocol that stays behind"
		case top == "general" && last == "remotenickformat" && known:
			reason = "set it as relay.prefix: {name} is {NICK}, {network} the network; without it people are shown as <name>"
		case slices.Contains([]string{"irc", "slack", "slack-legacy", "matrix", "general"}, top) && known:
		case slices.Contains([]string{"irc", "slack", "slack-legacy", "matrix", "general", "gateway", "samechannelgateway"}, top) || len(k.path) == 1:
			reason = "matterbridge 1.26 has no such key; look at its spelling"
		default:
			reason = noProtocol(top)
		}
		c.left = append(c.left, leftover{k.line, name + ": " + reason})
	}
}
