package slackfake

import (
	"crypto/sha256"
	"fmt"
	"mime"
	"path"
	"slices"
	"strings"
)

// A File is what somebody uploads.
type File struct {
	Name, Title string
	Mime        string // default: by the name
	Content     []byte
	// Size of a file that is made up as it is downloaded, for large ones without
	// Content.
	Size int64
	// Mode is hosted by default; snippet, external, quip (a canvas), list and so on.
	Mode string
	// Hidden files are shown in messages by their ID alone, as those of other
	// workspaces in shared channels; files.info has the rest.
	Hidden bool
	Extra  JSON // more of the file object: external_url, preview, duration_ms …
}

type file struct {
	File
	id, team, user string
	created        int64
	want           int64 // the size that was announced
	here           bool  // uploaded
	shared         bool  // complete
	gone           bool  // deleted
	sum            [sha256.Size]byte
	shares         []share
}

// A share is a message that a file is in.
type share struct {
	channel *channel
	message *message
}

func (s *Server) addFile(f *file) *file {
	f.id, f.created = s.id("F"), s.now()
	if f.Title == "" {
		f.Title = f.Name
	}
	if f.Mime == "" {
		f.Mime = mime.TypeByExtension(path.Ext(f.Name))
	}
	if f.Mime == "" {
		f.Mime = "application/octet-stream"
	}
	f.Mime, _, _ = strings.Cut(f.Mime, ";")
	if f.Mode == "" {
		f.Mode = "hosted"
	}
	s.files[f.id] = f
	return f
}

// json is the file as messages show it.
func (s *Server) fileJSON(f *file) JSON {
	if f.gone {
		return JSON{"id": f.id, "mode": "tombstone"}
	}
	base := s.URL() + "/files-pri/" + f.team + "-" + f.id + "/"
	name := strings.ToLower(strings.ReplaceAll(f.Name, " ", "_"))
	kind := strings.TrimPrefix(path.Ext(name), ".")
	if kind == "" {
		kind = "binary"
	}
	public := slices.ContainsFunc(f.shares, func(one share) bool { return one.channel.Kind == Public })
	o := JSON{
		"id": f.id, "created": f.created, "timestamp": f.created, "name": f.Name, "title": f.Title, "mimetype": f.Mime,
		"filetype": kind, "pretty_type": strings.ToUpper(kind), "user": f.user, "user_team": f.team, "editable": f.Mode == "snippet",
		"size": f.Size, "mode": f.Mode, "is_external": f.Mode == "external", "external_type": "", "is_public": public,
		"public_url_shared": false, "display_as_bot": false, "username": "", "url_private": base + name,
		"url_private_download": base + "download/" + name, "permalink": s.teams[f.team].url() + "files/" + f.user + "/" + f.id + "/" + name,
		"permalink_public": "https://slack-files.com/" + f.team + "-" + f.id + "-0000000000", "is_starred": false,
		"has_rich_preview": false, "file_access": "visible", "media_display_type": "unknown",
	}
	if strings.HasPrefix(f.Mime, "image/") {
		for _, size := range []string{"64", "80", "160", "360"} {
			o["thumb_"+size] = base + name
		}
	}
	return with(o, f.Extra)
}

// fileShown is the file as a message has it.
func (s *Server) fileShown(f *file) JSON {
	if f.Hidden && !f.gone {
		return JSON{"id": f.id, "created": 0, "timestamp": 0, "user": "", "mode": "file_access", "file_access": "check_file_info"}
	}
	return s.fileJSON(f)
}

// fileInfo is the file with where it is.
func (s *Server) fileInfo(f *file) JSON {
	channels, groups, ims := []string{}, []string{}, []string{}
	public, private := JSON{}, JSON{}
	for _, one := range f.shares {
		c, m := one.channel, one.message
		to, ids := private, &groups
		switch c.Kind {
		case Public:
			to, ids = public, &channels
		case IM:
			ids = &ims
		}
		*ids = append(*ids, c.ID)
		entry := JSON{
			"reply_users": []any{}, "reply_users_count": 0, "reply_count": 0, "ts": m.ts, "channel_name": c.Name, "team_id": c.Team,
			"share_user_id": f.user, "source": "UNKNOWN", "is_silent_share": false,
		}
		if m.thread() != "" {
			entry["thread_ts"] = m.thread()
		}
		list, _ := to[c.ID].([]any)
		to[c.ID] = append(list, entry)
	}
	shares := JSON{}
	if len(public) > 0 {
		shares["public"] = public
	}
	if len(private) > 0 {
		shares["private"] = private
	}
	return with(s.fileJSON(f), JSON{"channels": channels, "groups": groups, "ims": ims, "shares": shares, "comments_count": 0})
}

// send posts a message with files and tells of them.
func (s *Server) sendFiles(c *channel, fields JSON, files []*file) *message {
	var list []any
	for _, f := range files {
		f.shared = true
		list = append(list, s.fileShown(f))
	}
	m := s.addMessage(c, with(JSON{"subtype": "file_share", "upload": false, "display_as_bot": false}, fields, JSON{"files": list}))
	m.files = files
	for _, f := range files {
		f.shares = append(f.shares, share{c, m})
	}
	s.showFiles(m)
	s.emitMessage(c, m.body)
	for _, f := range files {
		s.filed("file_shared", f, c, JSON{"channel_id": c.ID})
	}
	return m
}

// showFiles writes the files into their message.
func (s *Server) showFiles(m *message) {
	var list []any
	for _, f := range m.files {
		list = append(list, s.fileShown(f))
	}
	m.body["files"] = list
}

// filed sends an event about a file; without a conversation, to its owner.
func (s *Server) filed(kind string, f *file, c *channel, more JSON) {
	e := event{
		body:    with(JSON{"type": kind, "file_id": f.id, "user_id": f.user, "file": JSON{"id": f.id}}, more),
		channel: c, members: true, scopes: []string{"files:read"},
	}
	if c == nil {
		e.only = f.user
	}
	s.emit(e)
}

// removeFile deletes a file; its messages show a tombstone.
func (s *Server) removeFile(f *file) {
	f.gone, f.Content = true, nil
	told := map[string]bool{}
	for _, one := range f.shares {
		if one.channel.byTS[one.message.ts] != one.message {
			continue
		}
		s.change(one.channel, one.message, func(JSON) { s.showFiles(one.message) })
		if !told[one.channel.ID] {
			told[one.channel.ID] = true
			e := JSON{"type": "file_deleted", "file_id": f.id, "channel_ids": []string{one.channel.ID}}
			s.emit(event{body: e, channel: one.channel, members: true, scopes: []string{"files:read"}})
		}
	}
}

// Upload plays a user who uploads files with a message, and returns its ts.
func (s *Server) Upload(channel, user, text string, files ...File) string {
	return s.PostFiles(channel, user, JSON{"text": text}, files...)
}

// PostFiles is Upload with fields as in [Server.Post].
func (s *Server) PostFiles(channel, user string, fields JSON, files ...File) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, u := must(s.chans, channel), must(s.users, user)
	var list []*file
	for _, one := range files {
		if one.Content != nil {
			one.Size = int64(len(one.Content))
		}
		f := s.addFile(&file{File: one, team: u.Team, user: u.ID, here: true, sum: sha256.Sum256(one.Content)})
		s.filed("file_created", f, nil, nil)
		list = append(list, f)
	}
	return s.sendFiles(c, with(s.written(c, u, fields), JSON{"upload": true}), list).ts
}

// DeleteFile plays somebody who deletes a file.
func (s *Server) DeleteFile(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removeFile(must(s.files, id))
}

// RenameFile plays somebody who gives a file another title.
func (s *Server) RenameFile(id, title string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := must(s.files, id)
	f.Title = title
	for _, one := range f.shares {
		s.showFiles(one.message)
		s.filed("file_change", f, one.channel, nil)
	}
}

// Content is what a file holds: the bytes, which are not kept of large ones (see
// [Config.Keep]), its size and its SHA-256 in hexadecimal.
func (s *Server) Content(id string) (content []byte, size int64, sum string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := must(s.files, id)
	return f.Content, f.Size, fmt.Sprintf("%x", f.sum)
}

// FileInfo is the file as files.info shows it.
func (s *Server) FileInfo(id string) JSON {
	s.mu.Lock()
	defer s.mu.Unlock()
	return clone(s.fileInfo(must(s.files, id)))
}
