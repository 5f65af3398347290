// Package slackfake is a Slack on loopback, for tests and for the demo: the Web
// API, Socket Mode, RTM, the Events API over HTTP, OAuth and files, for any
// unmodified Slack library.
//
//	s, err := slackfake.Start(slackfake.Config{})
//	defer s.Close()
//	app := s.AddApp(slackfake.App{Name: "Causeway"})
//	bot := s.Install(app, "")                      // bot.Token, bot.User, bot.Bot
//	alice := s.AddUser(slackfake.User{Name: "alice"})
//	general := s.AddChannel(slackfake.Channel{Name: "general", Members: []string{alice, bot.User}})
//	api := slack.New(bot.Token, slack.OptionAPIURL(s.APIURL()), slack.OptionAppLevelToken(s.AppToken(app)))
//	ts := s.Say(general, alice, "hello")           // an event to the app
//	posted := s.Messages(general)                  // what the channel holds, with what Causeway posted
//
// # The workspace
//
// Things are made with AddTeam, AddUser, AddChannel, AddApp, AddUsergroup, and Past for
// messages: they were there before, so nobody hears of them. What people do is a
// method named like it (Say, Reply, Post, Edit, Delete, React, Upload, Join, Kick,
// Rename, SetTopic, Archive, Pin, Typing, Read, Huddle, ChangeUser, JoinTeam, AddEmoji
// …), and sends the events that Slack sends to whoever may see them: to the apps whose
// tokens have the scope and are in the conversation, and to the sessions of its members.
// Texts are given as Slack writes them, with &amp;, &lt; and &gt;. Methods that are given
// the ID of something that does not exist panic, as that is a mistake of the test.
//
// # Tokens
//
// Install gives a bot's (xoxb), UserToken a person's (xoxp), Session what a browser
// has (xoxc, with the cookie d), AppToken that of Socket Mode (xapp). SetScopes,
// Refuse, Revoke and Uninstall take away. The link of OAuth is
// URL()+"/oauth/v2/authorize"; SignIn says who follows it.
//
// # What goes wrong
//
// Break makes calls fail, hang, be slow or lose their answer, Down and Up play an
// outage, Cut, Warn, Refresh and Disable end sockets, Forget drops what an app has not
// acknowledged. A test of a bot that may not read threads is
// Break(Fault{Method: "conversations.replies", Times: 1000, Error: "not_allowed_token_type"}).
// With Config.Limits the tiers of https://docs.slack.dev/apis/web-api/rate-limits are kept,
// by Config.Now. Calls counts requests, and Unknown names those that the fake does not
// know, of which a test must have none.
//
// # What differs from Slack
//
// Events come at once and in the order in which things happened. Emoji names are checked by their form
// alone. Grid is known by its IDs: there are no tokens of a whole organisation. Retries of
// events are faster (see Config). Nothing is made of links (unfurling), and search, views,
// workflows, canvases and lists are not there but as files. What Slack does and does not
// say is not guessed: bookmarks have no event.
//
// Nothing is stored on disk. One mutex guards all state of a server; each socket has a
// goroutine that reads and one that writes, and Close waits for all of them. Shapes and
// errors are those of https://docs.slack.dev, as far as clients can see them.
package slackfake
