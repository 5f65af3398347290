package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
	goslack "github.com/slack-go/slack"
)

func itoa(n int) string { return strconv.Itoa(n) }

// echoes remembers whose transaction a file is, or what has a client_msg_id, so that
// its echo is known. It may be used concurrently.
type echoes struct {
	mu   sync.Mutex
	txns map[string]network.TxnID // by file or client_msg_id; guarded by mu
	last []string                 // what is in txns, the oldest first; guarded by mu
}

func newEchoes() *echoes { return &echoes{txns: map[string]network.TxnID{}} }

// add notes whose a file or client_msg_id is.
func (u *echoes) add(id string, txn network.TxnID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.txns[id] == "" {
		u.last = append(u.last, id)
	}
	if len(u.last) > 500 {
		delete(u.txns, u.last[0])
		u.last = u.last[1:]
	}
	u.txns[id] = txn
}

// of is whose a client_msg_id is; empty if it is not ours.
func (u *echoes) of(id string) network.TxnID {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.txns[id]
}

// txn is whose the files of a message are; empty if they are not ours.
func (u *echoes) txn(c network.Content) network.TxnID {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, p := range c.Parts {
		if p.Media == nil {
			continue
		}
		if ref, err := convert.ParseFileRef(p.Media.Ref); err == nil && u.txns[ref.ID] != "" {
			return u.txns[ref.ID]
		}
	}
	return ""
}

// sendFile uploads a file and shows it in the chat, in the three steps of
// https://docs.slack.dev/messaging/working-with-files. The bytes are streamed.
func (c *Client) sendFile(ctx context.Context, acc *account, m *network.Outgoing, i int) (network.MessageID, error) {
	media := m.Parts[i].Media
	if media.Size > maxFile {
		return "", network.Errorf(network.Rejected, fmt.Sprintf("the file has %d MB, Slack takes 1024 MB", media.Size>>20), "send: %d bytes", media.Size)
	}
	if media.Source == nil {
		return "", network.Errorf(network.Rejected, "there is no such file", "send: no source")
	}
	if _, err := acc.conversation(ctx, string(m.Chat)); err != nil {
		return "", err // before anything is uploaded in vain
	}
	id, err := c.upload(ctx, acc, media)
	if err != nil {
		return "", err
	}
	up := uploaded{Txn: m.Txn, Part: i, File: id}
	if err := c.noteUpload(ctx, m, up); err != nil {
		return "", err
	}
	c.echoes.add(id, m.Txn)
	if err := c.show(ctx, acc, m, i, id); err != nil {
		return "", err
	}
	ts, err := c.shownAt(ctx, acc, m, id, c.tune.shared)
	if err != nil {
		return "", err
	}
	if ts == "" {
		return "", network.Errorf(network.Unsure, "Slack has taken the file and not shown it yet", "send: file %s is in no message", id)
	}
	c.conn.dir.noteSent(string(m.Chat), convert.TS(ts))
	if up.Shown = true; c.noteUpload(ctx, m, up) != nil { // it is only remembered for longer
		c.host.Log.Warn("a file that was sent is remembered for longer", "chat", m.Chat)
	}
	c.checkFace(ctx, acc, m, i, ts)
	return ts, nil
}

// upload gives Slack the bytes of a file, which nobody sees yet.
func (c *Client) upload(ctx context.Context, acc *account, media *network.Media) (string, error) {
	name := firstOf(strings.TrimSpace(media.Name), "file")
	body, size, err := sized(ctx, media)
	if err != nil {
		return "", err
	}
	defer func() { _ = body.Close() }() // it was read
	place, err := acc.web.GetUploadURLExternalContext(ctx, goslack.GetUploadURLExternalParameters{FileName: name, FileSize: int(size)})
	if err != nil {
		return "", inWords(err, "files.getUploadURLExternal")
	}
	if u, err := url.Parse(place.UploadURL); err != nil || !isSlack(acc.base, u) {
		return "", network.Errorf(network.Unknown, "Slack gave no place for the file", "upload to a strange place")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, place.UploadURL, io.NopCloser(body))
	if err != nil {
		return "", fmt.Errorf("upload: %w", err)
	}
	r.ContentLength = size
	r.Header.Set("Content-Type", firstOf(media.MIME, "application/octet-stream"))
	resp, err := acc.http.Do(r)
	if err != nil {
		return "", inWords(err, "upload")
	}
	defer func() { _ = resp.Body.Close() }() // nothing in it matters
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return "", inWords(err, "upload")
	}
	if resp.StatusCode != http.StatusOK {
		return "", network.Errorf(network.Unavailable, "Slack did not take the file", "upload: %s", resp.Status)
	}
	return place.FileID, nil
}

// sized opens a file whose size Slack wants to know first. Where it is not known,
// the file is read once to count.
func sized(ctx context.Context, media *network.Media) (io.ReadCloser, int64, error) {
	size := media.Size
	if size <= 0 {
		body, err := media.Source.Open(ctx)
		if err != nil {
			return nil, 0, fmt.Errorf("open the file: %w", err)
		}
		size, err = io.Copy(io.Discard, io.LimitReader(body, maxFile+1))
		if err := errors.Join(err, body.Close()); err != nil {
			return nil, 0, fmt.Errorf("read the file: %w", err)
		}
		if size > maxFile {
			return nil, 0, network.Errorf(network.Rejected, "the file is larger than 1024 MB, which Slack takes", "send: more than %d bytes", int64(maxFile))
		}
	}
	if size == 0 {
		return nil, 0, network.Errorf(network.Rejected, "the file is empty, and Slack takes none that is", "send: 0 bytes")
	}
	body, err := media.Source.Open(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("open the file: %w", err)
	}
	return body, size, nil
}

// show shows an uploaded file in its chat. The library's call has no place for a
// face, so this is a call of our own.
func (c *Client) show(ctx context.Context, acc *account, m *network.Outgoing, i int, id string) error {
	name := firstOf(m.Parts[i].Media.Name, "file")
	args := url.Values{"files": {jsonText([]map[string]string{{"id": id, "title": name}})}, "channel_id": {string(m.Chat)}}
	if root := c.thread(m); root != "" {
		args.Set("thread_ts", root)
	}
	if text := c.caption(ctx, acc, m, i); text != "" {
		args.Set("initial_comment", text)
	}
	c.wear(ctx, acc, m, args)
	_, err := acc.answer(ctx, "files.completeUploadExternal", args, nil)
	return lost(err, "files.completeUploadExternal")
}

// maxUpdate is how many characters chat.update takes.
const maxUpdate = 4000

// caption is what is said with a file: Slack takes it whole, in one message.
func (c *Client) caption(ctx context.Context, acc *account, m *network.Outgoing, i int) string {
	var texts []string
	for _, d := range convert.Part(m.Parts[i], c.options(ctx, acc, m, i)) {
		texts = append(texts, d.Text)
	}
	return strings.Join(texts, "\n")
}

// shownAt waits for at most d until a file is in a message of the chat, and returns
// its ID; empty if there is none.
func (c *Client) shownAt(ctx context.Context, acc *account, m *network.Outgoing, file string, d time.Duration) (network.MessageID, error) {
	type share struct {
		TS convert.TS `json:"ts"`
	}
	end := time.Now().Add(d)
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		var out struct {
			File struct {
				Shares struct {
					Public  map[string][]share `json:"public"`
					Private map[string][]share `json:"private"`
				} `json:"shares"`
			} `json:"file"`
		}
		if err := acc.call(ctx, "files.info", url.Values{"file": {file}}, &out); err != nil {
			return "", lost(err, "files.info")
		}
		for _, s := range append(out.File.Shares.Public[string(m.Chat)], out.File.Shares.Private[string(m.Chat)]...) {
			if s.TS.Valid() {
				return s.TS.ID(), nil
			}
		}
		if time.Now().Add(pause).After(end) {
			return "", nil
		}
		if err := sleep(ctx, pause); err != nil {
			return "", lost(err, "wait for a file")
		}
	}
}

// findFile looks whether the file of a part is in its chat; empty if it is not.
func (c *Client) findFile(ctx context.Context, acc *account, m *network.Outgoing, i int) (network.MessageID, error) {
	id, err := c.uploadOf(ctx, m, i)
	if err != nil || id == "" {
		return "", err
	}
	ts, err := c.shownAt(ctx, acc, m, id, 0)
	if network.KindOf(err) == network.Rejected { // nobody has it
		return "", nil
	}
	return ts, err
}

// checkFace looks whether a relayed person's file came under their name. If Slack
// ignored that, the name goes before the caption.
func (c *Client) checkFace(ctx context.Context, acc *account, m *network.Outgoing, i int, ts network.MessageID) {
	if m.Persona == nil || !acc.may("chat:write.customize") {
		return
	}
	q := pageQuery{chat: string(m.Chat), latest: convert.TS(ts), oldest: convert.TS(ts), inclusive: true, limit: 1}
	q.thread = c.thread(m)
	p, err := acc.page(ctx, q)
	if err == nil {
		for _, msg := range p.messages {
			if msg.TS.ID() == ts && msg.Content(convert.Lookup{}).Persona != nil {
				return
			}
		}
		face := c.face(ctx, acc, *m.Persona)
		text := "*" + escape(face.Username) + "*"
		if words := c.caption(ctx, acc, m, i); words != "" {
			text += ": " + words
		}
		if utf8.RuneCountInString(text) > maxUpdate { // then its caption is worth more
			c.host.Log.Warn("a relayed file with a long caption has no name", "chat", m.Chat)
			return
		}
		err = acc.call(ctx, "chat.update", url.Values{"channel": {string(m.Chat)}, "ts": {string(ts)}, "text": {text}}, nil)
	}
	if err != nil {
		c.host.Log.Warn("a relayed file has no name", "err", err)
	}
}
