package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// answered is something to say to the bot, and what is in its answer.
type answered struct {
	say, answer string
	again       bool // say it again if the answer is another one
}

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
		if err := w.asks(ctx, talk, step); err != nil {
			return err
		}
	}
	return nil
}

// asks says one thing until it is answered as expected.
func (w *world) asks(ctx context.Context, talk local, step answered) error {
	say := func() (before int, err error) {
		before = len(w.home.room(talk.c.room).timeline())
		if step.say == "" {
			return 0, nil
		}
		_, err = talk.send("m.room.message", object{"msgtype": "m.text", "body": step.say})
		return before, err
	}
	before, err := say()
	if err != nil {
		return err
	}
	return until(ctx, fmt.Sprintf("the bot answers %q with %q", step.say, step.answer), 3*time.Minute, func() (bool, error) {
		other := false
		for _, e := range w.home.room(talk.c.room).timeline()[before:] {
			if e.Sender == botID && strings.Contains(e.Body(), step.answer) {
				return true, nil
			}
			other = other || e.Sender == botID && e.Type == "m.room.message"
		}
		if other && step.again {
			if before, err = say(); err != nil {
				return false, err
			}
		}
		return false, w.revive()
	})
}
