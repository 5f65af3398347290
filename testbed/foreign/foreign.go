package foreign

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"sync"

	"github.com/causeway-chat/causeway/testbed/record"
)

// An Event is what the client saw in a room.
type Event struct {
	Source struct {
		Type    string         `json:"type"`
		Sender  string         `json:"sender"`
		ID      string         `json:"event_id"`
		Room    string         `json:"room_id"`
		Content map[string]any `json:"content"`
	} `json:"source"`
	Decrypted  bool   `json:"decrypted"`
	Unreadable bool   `json:"unreadable"` // encrypted, and its key is not there
	Key        string `json:"key"`        // of the device that gave the session
	Shield     string `json:"shield"`     // the colour that is shown beside it, if the client has any: NONE, GREY, RED
	Reason     string `json:"reason"`     // of the shield, or why it is unreadable
}

// Body is the text of a message.
func (e Event) Body() string {
	s, _ := e.Source.Content["body"].(string)
	return s
}

// A Client is one device of a person.
type Client struct {
	User, Device string

	cmd    *exec.Cmd
	in     io.WriteCloser
	log    record.Log[Event]
	ended  chan struct{}
	closed error

	mu      sync.Mutex // guards all below, and writing to in
	next    int
	waiting map[int]chan answer
}

type answer struct {
	OK    json.RawMessage `json:"ok"`
	Error string          `json:"error"`
}

// Start starts a process and has it sign in at a homeserver as the device that is in
// args. What it says about itself goes to stderr.
func Start(ctx context.Context, cmd *exec.Cmd, args map[string]any, stderr io.Writer) (*Client, error) {
	c := &Client{cmd: cmd, ended: make(chan struct{}), waiting: map[int]chan answer{}}
	c.cmd.Stderr = stderr
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a client: %w", err)
	}
	go c.read(out)
	var me struct{ User, Device string }
	if err := c.Do(ctx, "login", args, &me); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.User, c.Device = me.User, me.Device
	return c, nil
}

// read takes what the process says, until it ends.
func (c *Client) read(out io.Reader) {
	defer close(c.ended)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var said struct {
			answer
			ID    *int   `json:"id"`
			Event *Event `json:"event"`
		}
		if json.Unmarshal(line, &said) != nil {
			continue
		}
		switch {
		case said.Event != nil:
			c.log.Append(*said.Event)
		case said.ID != nil:
			c.mu.Lock()
			if to := c.waiting[*said.ID]; to != nil {
				to <- said.answer
				delete(c.waiting, *said.ID)
			}
			c.mu.Unlock()
		}
	}
	c.closed = c.cmd.Wait()
	c.log.Close(errors.New("the client has ended"))
}

// Close ends the client and waits for that; its device stays.
func (c *Client) Close() error {
	err := c.in.Close()
	<-c.ended
	return errors.Join(err, c.closed)
}

// Do has the client do something that its program knows. into may be nil.
func (c *Client) Do(ctx context.Context, what string, args map[string]any, into any) error {
	to := make(chan answer, 1)
	c.mu.Lock()
	c.next++
	line := map[string]any{"id": c.next, "do": what}
	for k, v := range args {
		line[k] = v
	}
	raw, err := json.Marshal(line)
	if err == nil {
		c.waiting[c.next] = to
		_, err = c.in.Write(append(raw, '\n'))
	}
	c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("client: %s: %w", what, err)
	}
	select {
	case a := <-to:
		if a.Error != "" {
			return fmt.Errorf("client: %s", a.Error)
		}
		if into == nil {
			return nil
		}
		return json.Unmarshal(a.OK, into)
	case <-c.ended:
		return fmt.Errorf("client: %s: it has ended: %w", what, c.closed)
	case <-ctx.Done():
		return fmt.Errorf("client: %s: %w", what, ctx.Err())
	}
}

// Mark returns the place in the log where the next event will be.
func (c *Client) Mark() int { return c.log.Mark() }

// Wait returns the first event from mark on that match accepts, waiting for it.
func (c *Client) Wait(ctx context.Context, mark int, match func(Event) bool) (Event, error) {
	e, _, err := c.log.Wait(ctx, mark, match)
	if err != nil {
		err = fmt.Errorf("%s: %w; seen: %v", c.User, err, c.log.Since(mark))
	}
	return e, err
}

// Send sends an event, encrypted if the room is, and returns its ID.
func (c *Client) Send(ctx context.Context, room, eventType string, content map[string]any) (string, error) {
	var got struct{ Event string }
	err := c.Do(ctx, "send", map[string]any{"room": room, "type": eventType, "content": content}, &got)
	return got.Event, err
}

// File sends an encrypted file.
func (c *Client) File(ctx context.Context, room, name, data string) (string, error) {
	var got struct{ Event string }
	err := c.Do(ctx, "file", map[string]any{"room": room, "name": name, "data": data}, &got)
	return got.Event, err
}

// Fetch downloads and decrypts a file by the "file" of a message.
func (c *Client) Fetch(ctx context.Context, file any) (string, error) {
	var got struct{ Data string }
	err := c.Do(ctx, "fetch", map[string]any{"file": file}, &got)
	return got.Data, err
}

// Read decrypts an event that somebody else has got from the homeserver, as JSON.
func (c *Client) Read(ctx context.Context, room string, event json.RawMessage) (Event, error) {
	var got Event
	err := c.Do(ctx, "read", map[string]any{"room": room, "event": event}, &got)
	return got, err
}

// Join joins a room.
func (c *Client) Join(ctx context.Context, room string) error {
	return c.Do(ctx, "join", map[string]any{"room": room}, nil)
}

// Knows reports whether the client has a device of a user to give the keys of a room to.
func (c *Client) Knows(ctx context.Context, room, user string) (bool, error) {
	var in struct {
		Encrypted bool
		Users     []string
	}
	if err := c.Do(ctx, "known", map[string]any{"room": room}, &in); err != nil {
		return false, err
	}
	var has struct{ Devices []string }
	err := c.Do(ctx, "devices", map[string]any{"user": user}, &has)
	return in.Encrypted && slices.Contains(in.Users, user) && len(has.Devices) > 0, err
}
