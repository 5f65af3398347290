package slackfake

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// maxFile is how large a file may be: 1 GB.
const maxFile = 1 << 30

func fileMethods() map[string]method {
	read, write := []string{"files:read"}, []string{"files:write"}
	return map[string]method{
		"files.getUploadURLExternal":   {tier: tier4, scopes: write, run: filesGetUploadURL},
		"files.completeUploadExternal": {tier: tier4, scopes: write, run: filesComplete},
		"files.info":                   {tier: tier4, scopes: read, run: filesInfo},
		"files.list":                   {tier: tier3, scopes: read, run: filesList},
		"files.delete":                 {tier: tier3, scopes: write, run: filesDelete},
	}
}

func filesGetUploadURL(c *call) (JSON, error) {
	size, err := strconv.ParseInt(c.str("length"), 10, 64)
	switch {
	case err != nil || size <= 0:
		return nil, &failure{code: "invalid_arguments", more: JSON{"response_metadata": JSON{"messages": []string{"[ERROR] missing required field: length"}}}}
	case c.str("filename") == "":
		return nil, &failure{code: "invalid_arguments", more: JSON{"response_metadata": JSON{"messages": []string{"[ERROR] missing required field: filename"}}}}
	case size > maxFile:
		return nil, fail("file_upload_size_restricted")
	}
	mode := ""
	if c.str("snippet_type") != "" {
		mode = "snippet"
	}
	extra := JSON{}
	if alt := c.str("alt_txt"); alt != "" {
		extra["alt_txt"] = alt
	}
	if kind := c.str("snippet_type"); kind != "" {
		extra["filetype"] = kind
	}
	f := c.s.addFile(&file{File: File{Name: c.str("filename"), Mode: mode, Extra: extra}, team: c.tok.team, user: c.tok.user, want: size})
	return JSON{"upload_url": c.s.URL() + "/upload/v1/" + f.id, "file_id": f.id}, nil
}

// filesComplete shares uploaded files, as
// https://docs.slack.dev/reference/methods/files.completeUploadExternal has it.
func filesComplete(c *call) (JSON, error) {
	files, err := c.uploads()
	if err != nil {
		return nil, err
	}
	channels := c.words("channels")
	if id := c.str("channel_id"); id != "" {
		channels = append(channels, id)
	}
	var where []*channel
	for _, id := range channels {
		c.args["channel"] = id
		ch, err := c.writable()
		if err != nil {
			return nil, err
		}
		if !ch.has(c.tok.user) { // "membership is required", with chat:write.public too
			return nil, fail("not_in_channel")
		}
		where = append(where, ch)
	}
	fields, err := c.comment()
	if err != nil {
		return nil, err
	}
	if c.s.cfg.PlainFiles {
		for _, name := range []string{"username", "icon_url", "icon_emoji"} {
			delete(c.args, name)
		}
	}
	if err := c.signed(fields); err != nil {
		return nil, err
	}
	fields["user"] = c.tok.user
	if root := c.str("thread_ts"); root != "" {
		if len(where) != 1 || where[0].byTS[root] == nil {
			return nil, fail("invalid_thread_ts")
		}
		fields["thread_ts"] = root
	}
	delete(fields, "subtype")
	out := []JSON{}
	for _, f := range files {
		c.s.filed("file_created", f, nil, nil)
		f.shared = true
		out = append(out, c.s.fileInfo(f))
	}
	if len(where) > 0 {
		c.s.wg.Go(func() { c.s.shareLater(where, fields, files) })
	}
	return JSON{"files": out}, nil
}

// shareLater shows files in conversations after a while, in which Slack looks at them:
// the answer of files.completeUploadExternal knows nothing of it
// (https://github.com/slackapi/bolt-js/issues/2115).
func (s *Server) shareLater(where []*channel, fields JSON, files []*file) {
	timer := time.NewTimer(s.cfg.ShareAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.stopped:
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ch := range where {
		s.sendFiles(ch, fields, files)
	}
	s.happened()
}

// comment is what is said with files: initial_comment, or blocks, which Slack ignores
// beside it. It fails at markdown blocks
// (https://github.com/slackapi/python-slack-sdk/issues/1756).
func (c *call) comment() (JSON, error) {
	if text := c.str("initial_comment"); text != "" {
		return JSON{"text": escaped(text)}, nil
	}
	var blocks []any
	given, err := c.json("blocks", &blocks)
	switch {
	case err != nil:
		return nil, fail("invalid_blocks_format")
	case !given:
		return JSON{"text": ""}, nil
	}
	if err := checkBlocks(blocks); err != nil {
		return nil, err
	}
	for _, b := range blocks {
		if o, _ := b.(JSON); str(o, "type") == "markdown" {
			return nil, fail("internal_error")
		}
	}
	return JSON{"text": "", "blocks": c.s.named(blocks)}, nil
}

// uploads are the files that a call completes.
func (c *call) uploads() ([]*file, error) {
	var list []struct{ ID, Title string }
	if given, err := c.json("files", &list); err != nil || !given || len(list) == 0 {
		return nil, &failure{code: "invalid_arguments", more: JSON{"response_metadata": JSON{"messages": []string{"[ERROR] missing required field: files"}}}}
	}
	var files []*file
	for _, one := range list {
		f := c.s.files[one.ID]
		if f == nil || f.user != c.tok.user || !f.here || f.gone || f.shared {
			return nil, fail("file_not_found")
		}
		if one.Title != "" {
			f.Title = one.Title
		}
		files = append(files, f)
	}
	return files, nil
}

// file is the file that the call is about, if the caller may see it.
func (c *call) file() (*file, error) {
	f := c.s.files[c.str("file")]
	switch {
	case f == nil || !f.shared && f.user != c.tok.user:
		return nil, fail("file_not_found")
	case f.gone:
		return nil, fail("file_deleted")
	case !c.s.maySee(c.tok, f):
		return nil, fail("file_not_found")
	}
	return f, nil
}

// maySee reports whether a token's user may see a file: the owner, and who is in a
// conversation with it.
func (s *Server) maySee(t *token, f *file) bool {
	return f.user == t.user || slices.ContainsFunc(f.shares, func(one share) bool {
		return one.channel.has(t.user) || one.channel.Kind == Public && s.inTeam(one.channel, t.team) && t.kind != botToken
	})
}

func filesInfo(c *call) (JSON, error) {
	f, err := c.file()
	if err != nil {
		return nil, err
	}
	return JSON{"file": c.s.fileInfo(f), "comments": []any{}, "response_metadata": JSON{"next_cursor": ""}}, nil
}

func filesList(c *call) (JSON, error) {
	out := []JSON{}
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(c.s.files))) {
		f, where := c.s.files[id], c.str("channel")
		in := where == "" || slices.ContainsFunc(f.shares, func(one share) bool { return one.channel.ID == where })
		if f.shared && !f.gone && in && c.s.maySee(c.tok, f) && (c.str("user") == "" || c.str("user") == f.user) {
			out = append(out, c.s.fileJSON(f))
		}
	}
	count, err := c.number("count", 100, 1000)
	if err != nil {
		return nil, err
	}
	at, err := c.number("page", 1, 1<<30)
	if err != nil {
		return nil, err
	}
	total := len(out)
	start := min((at-1)*count, total)
	return JSON{
		"files":  out[start:min(start+count, total)],
		"paging": JSON{"count": count, "total": total, "page": at, "pages": (total + count - 1) / count},
	}, nil
}

func filesDelete(c *call) (JSON, error) {
	f, err := c.file()
	if err != nil {
		return nil, err
	}
	if f.user != c.tok.user {
		return nil, fail("cant_delete_file")
	}
	c.s.removeFile(f)
	return nil, nil
}
