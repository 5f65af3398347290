package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// answered is something to say to the bot, and what is in its answer.
type answered struct{ say, answer string }

// talk opens a direct chat with the bot and says things there, each until the bot
// has answered as expected. To say nothing is to wait.
func (w *world) talk(ctx context.Context, who string, all []answered) error {
	var out struct {
		Room string `json:"room_id"`
	}
	if err := w.home.do(who, "POST", "createRoom", object{"is_direct": true, "invite": []string{botID}, "preset": "trusted_private_chat"}, &out); err != nil {
		return err
	}
	talk := local{w, &chat{room: out.Room}, who}
	for _, step := range all {
		before := len(w.home.room(out.Room).timeline())
		if step.say == "" {
			before = 0
		} else if _, err := talk.send("m.room.message", object{"msgtype": "m.text", "body": step.say}); err != nil {
			return err
		}
		err := until(ctx, fmt.Sprintf("the bot answers %q with %q", step.say, step.answer), time.Minute, func() (bool, error) {
			for _, e := range w.home.room(out.Room).timeline()[before:] {
				if e.Sender == botID && strings.Contains(e.Body(), step.answer) {
					return true, nil
				}
			}
			return false, w.revive()
		})
		if err != nil {
			return err
		}
	}
	return nil
}
