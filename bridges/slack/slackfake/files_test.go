package slackfake_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

func TestFiles(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	l := r.listen()
	root := r.Say(r.general, r.alice, "files, please")
	next[*slackevents.MessageEvent](l)
	blob := bytes.Repeat([]byte("slack"), 50_000)
	f, err := r.api.UploadFileContext(r.ctx, slack.UploadFileParameters{
		Reader: bytes.NewReader(blob), FileSize: len(blob), Filename: "a picture.png", Title: "A", Channel: r.general,
		InitialComment: "here", ThreadTimestamp: root,
	})
	r.ok(err)
	m := next[*slackevents.MessageEvent](l)
	if m.SubType != "file_share" || m.Text != "here" || m.ThreadTimeStamp != root || len(m.Message.Files) != 1 || m.Message.Files[0].ID != f.ID || m.User != r.bot.User {
		t.Errorf("%+v %+v", m, m.Message)
	}
	if s := next[*slackevents.FileSharedEvent](l); s.FileID != f.ID || s.ChannelID != r.general {
		t.Errorf("%+v", s)
	}
	info, _, _, err := r.api.GetFileInfoContext(r.ctx, f.ID, 0, 0)
	r.ok(err)
	if info.Mimetype != "image/png" || info.Size != len(blob) || info.Title != "A" || info.Shares.Public[r.general][0].Ts != m.TimeStamp {
		t.Errorf("%+v", info)
	}
	var got bytes.Buffer
	r.ok(r.api.GetFileContext(r.ctx, info.URLPrivateDownload, &got))
	content, _, sum := r.Content(f.ID)
	if !bytes.Equal(got.Bytes(), blob) || !bytes.Equal(content, blob) || sum != fmt.Sprintf("%x", sha256.Sum256(blob)) {
		t.Error("other bytes came back")
	}
	res, err := http.Get(info.URLPrivateDownload)
	r.ok(err)
	page, err := io.ReadAll(res.Body)
	r.ok(err)
	r.ok(res.Body.Close())
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") || !strings.Contains(string(page), "Sign in") {
		t.Errorf("without a token: %s %s", res.Status, page)
	}
	list, _, err := r.api.GetFilesContext(r.ctx, slack.GetFilesParameters{Channel: r.general})
	r.ok(err)
	if len(list) != 1 || list[0].ID != f.ID {
		t.Errorf("%+v", list)
	}
	r.ok(r.api.DeleteFileContext(r.ctx, f.ID))
	if m := next[*slackevents.MessageEvent](l); m.SubType != "message_changed" || m.Message.Files[0].Mode != "tombstone" {
		t.Errorf("%+v", m)
	}
	next[*slackevents.FileDeletedEvent](l)
	_, _, _, err = r.api.GetFileInfoContext(r.ctx, f.ID, 0, 0)
	r.fails(err, "file_deleted")
}

func TestUploadsOfPeople(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	l := r.listen()
	const huge = 16 << 20
	r.Upload(r.general, r.alice, "two", slackfake.File{Name: "note.txt", Content: []byte("text"), Mode: "snippet", Extra: slackfake.JSON{"preview": "text"}},
		slackfake.File{Name: "huge.bin", Size: huge, Hidden: true})
	m := next[*slackevents.MessageEvent](l)
	if len(m.Message.Files) != 2 || m.Message.Files[0].Preview != "text" || m.Message.Files[1].FileAccess != "check_file_info" || m.Message.Files[1].URLPrivate != "" {
		t.Errorf("%+v", m.Message.Files)
	}
	info, _, _, err := r.api.GetFileInfoContext(r.ctx, m.Message.Files[1].ID, 0, 0)
	r.ok(err)
	var n counter
	r.ok(r.api.GetFileContext(r.ctx, info.URLPrivateDownload, &n))
	if n != huge {
		t.Errorf("%d bytes", n)
	}
	secret := r.AddChannel(slackfake.Channel{Name: "secret", Kind: slackfake.Private, Members: []string{r.alice}})
	r.Upload(secret, r.alice, "", slackfake.File{Name: "s.txt", Content: []byte("s")})
	id := r.Messages(secret)[0]["files"].([]any)[0].(map[string]any)["id"].(string)
	_, _, _, err = r.api.GetFileInfoContext(r.ctx, id, 0, 0)
	r.fails(err, "file_not_found")
}

// A counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// TestFaces: completeUploadExternal with a name and a picture, which the library has
// no fields for.
func TestFaces(t *testing.T) {
	for _, plain := range []bool{false, true} {
		r := newRig(t, slackfake.Config{PlainFiles: plain})
		up, err := r.api.GetUploadURLExternalContext(r.ctx, slack.GetUploadURLExternalParameters{FileName: "a.txt", FileSize: 3})
		r.ok(err)
		complete := func() map[string]any {
			return r.call("files.completeUploadExternal", map[string]any{
				"files": []map[string]string{{"id": up.FileID, "title": "A"}}, "channel_id": r.general, "username": "Carol", "initial_comment": "hi", "blocks": []any{map[string]any{"type": "divider"}}, "icon_url": "https://example.org/c.png",
			})
		}
		if got := complete(); got["error"] != "file_not_found" {
			t.Errorf("before the upload: %v", got)
		}
		r.fails(r.api.UploadToURL(r.ctx, slack.UploadToURLParameters{UploadURL: up.UploadURL, Reader: strings.NewReader("four"), Filename: "a.txt"}), "slack server error: 400 Bad Request")
		r.ok(r.api.UploadToURL(r.ctx, slack.UploadToURLParameters{UploadURL: up.UploadURL, Reader: strings.NewReader("abc"), Filename: "a.txt"}))
		got := r.call("files.completeUploadExternal", map[string]any{
			"files": []map[string]string{{"id": up.FileID}}, "channel_id": r.AddChannel(slackfake.Channel{Name: "not ours", Members: []string{r.alice}}),
		})
		if got["error"] != "not_in_channel" {
			t.Errorf("where the bot is not: %v", got)
		}
		got = complete()
		if files, _ := got["files"].([]any); len(files) != 1 || len(files[0].(map[string]any)["shares"].(map[string]any)) > 0 {
			t.Fatalf("%v", got)
		}
		r.ok(r.Wait(r.ctx, func() bool { return len(r.Messages(r.general)) == 1 }))
		m := r.Messages(r.general)[0]
		if m["text"] != "hi" || m["blocks"].([]any)[0].(map[string]any)["type"] != "rich_text" {
			t.Errorf("initial_comment and blocks: %v", m)
		}
		if (m["username"] == "Carol") == plain || m["user"] != r.bot.User {
			t.Errorf("plain %v: %v", plain, m)
		}
	}
}

func TestRefusedUploads(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	_, err := r.api.GetUploadURLExternalContext(r.ctx, slack.GetUploadURLExternalParameters{FileName: "a", FileSize: 1<<30 + 1})
	r.fails(err, "file_upload_size_restricted")
	r.Break(slackfake.Fault{Method: "upload", Status: 500})
	up, err := r.api.GetUploadURLExternalContext(r.ctx, slack.GetUploadURLExternalParameters{FileName: "a", FileSize: 1})
	r.ok(err)
	if err := r.api.UploadToURL(r.ctx, slack.UploadToURLParameters{UploadURL: up.UploadURL, Content: "x", Filename: "a"}); err == nil {
		t.Error("an upload went well that should not")
	}
	r.Upload(r.general, r.alice, "", slackfake.File{Name: "b.bin", Size: 1 << 20})
	id := r.Messages(r.general)[0]["files"].([]any)[0].(map[string]any)["id"].(string)
	r.Break(slackfake.Fault{Method: "download", Lost: true})
	var n counter
	if err := r.api.GetFileContext(r.ctx, r.FileInfo(id)["url_private_download"].(string), &n); err == nil {
		t.Errorf("a download of %d bytes went well", n)
	}
}
