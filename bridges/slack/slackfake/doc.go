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
// Things are made with AddTeam, AddUser, AddChannel and AddApp: they were there
// before, so nobody hears of them. What people do is a method named like it, and
// sends the events that Slack sends to whoever may see them. Texts are given as Slack
// writes them, with &amp;, &lt; and &gt;. Methods that are given the ID of something
// that does not exist panic, as that is a mistake of the test.
//
// One mutex guards all state of a server; each socket has a goroutine that
// reads, one that writes, and Close waits for all of them. Shapes and errors are
// those of https://docs.slack.dev, as far as clients can see them.
package slackfake
