// Package slackclients drives the clients that Slack itself publishes, for Node.js
// (@slack/web-api, @slack/socket-mode) and for Python (slack-sdk), against
// slackfake. Its test says whether the fake is what they take for Slack; nothing else
// uses it. They come in exact versions, once, as packages npm and venv say.
package slackclients
