package portal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// furnish does what a new room can wait for: the owners' own accounts join, members
// come in, the room gets its picture and its place in the lists of those whose
// accounts are in the chat. Facts remember what is done, so that it can be asked for
// again.
func (s *Service) furnish(ctx context.Context, p store.Portal) error {
	if p.Info.Setup {
		if err := s.setUp(ctx, p); err != nil {
			return err
		}
	}
	if err := s.place(ctx, p); err != nil {
		return err
	}
	s.opts.Steps.At(step.RoomFurnished)
	if !p.Info.Setup {
		return s.remind(ctx, p)
	}
	_, err := s.update(ctx, p.ID, func(p *store.Portal) { p.Info.Setup = false })
	return err
}

// remind has those come whom an earlier process did not bring in any more.
func (s *Service) remind(ctx context.Context, p store.Portal) error {
	if !p.Info.MembersDue || s.joins.awaits(roomID(p)) {
		return nil
	}
	listed, err := s.inviteMembers(ctx, p)
	if err == nil && !listed {
		err = errors.New("nobody can say who is in the chat yet")
	}
	return err
}

// setUp is the part of furnish that is for the room, not for its people.
func (s *Service) setUp(ctx context.Context, p store.Portal) error {
	in, err := s.db.LoginsIn(ctx, p.ID)
	if err != nil {
		return err
	}
	x := &inbound{Service: s, p: p, head: &network.Head{}}
	for _, owner := range x.owners(in) {
		if err := x.welcome(ctx, owner); err != nil {
			return err
		}
	}
	if p.Info.Features.Once == "" { // the network did not describe the chat in time
		if err := x.describeLate(ctx); err != nil {
			return err
		}
	}
	if err := s.announceExpiry(ctx, p.ID); err != nil {
		return err
	}
	if err := x.closeNew(ctx); err != nil {
		return err
	}
	_, err = s.inviteMembers(ctx, p)
	return err
}

// place gives a new room its picture, says what it can do, and puts it where the
// people of the chat keep it. Who cannot be asked how is asked with the next start.
func (s *Service) place(ctx context.Context, p store.Portal) error {
	in, err := s.db.Unplaced(ctx, p.ID)
	if err != nil {
		return err
	}
	pictured := !p.Info.Setup
	var errs []error
	for _, l := range in {
		sess := s.logins.Get(p.Network, l)
		if sess == nil {
			continue
		}
		chat, ops, ok := s.seen(ctx, p, sess)
		if ok && !pictured {
			pictured = true
			errs = append(errs, s.picture(ctx, p, chat, ops), s.showCapabilities(ctx, p, chat.Features, ops))
		}
		errs = append(errs, s.placeFor(ctx, p, sess, chat.Kept, ok))
	}
	return errors.Join(errs...)
}

// placeFor puts a room into the lists and spaces of a login's owner.
func (s *Service) placeFor(ctx context.Context, p store.Portal, sess *login.Session, k *network.Kept, seen bool) error {
	if owner := id.UserID(sess.Owner); owner != "" {
		if k != nil {
			if err := s.keep(ctx, p, owner, *k); err != nil {
				return err
			}
		}
		if err := s.listDirect(ctx, p, owner); err != nil {
			return err
		}
		if err := s.shelve(ctx, p, sess); err != nil {
			return err
		}
	}
	if !seen {
		return nil
	}
	return s.db.Write(ctx, 1, func(tx *store.Tx) error { return tx.Placed(p.Network, sess.ID, p.ID) })
}

// seen is how a login sees the chat now, if it can tell.
func (s *Service) seen(ctx context.Context, p store.Portal, sess *login.Session) (network.Chat, *network.Ops, bool) {
	ops, ok := sess.Ops()
	if !ok || !sess.Online() {
		return network.Chat{}, nil, false
	}
	ctx, cancel := context.WithTimeout(ctx, askChat)
	defer cancel()
	chat, err := ops.Chat(ctx, p.Chat.ID)
	if err != nil {
		s.log.Info("chat is not described for its people", "portal", p.ID, "err", err)
	}
	return chat, &ops, err == nil
}

// listDirect puts the room of a direct chat among a person's own direct chats.
func (s *Service) listDirect(ctx context.Context, p store.Portal, owner id.UserID) error {
	if p.Info.Kind != network.Direct || p.Info.Other == "" {
		return nil
	}
	if in, err := s.acts(ctx, p, owner); err != nil || !in {
		return err
	}
	return s.hs.AddDirect(ctx, owner, s.ghostOf(p.Network, p.Info.Other), roomID(p))
}

// acts reports whether Causeway can act for a person about a room that they are in.
func (s *Service) acts(ctx context.Context, p store.Portal, owner id.UserID) (bool, error) {
	if ok, err := s.hs.Puppet(ctx, owner); err != nil || !ok {
		return false, err
	}
	if in, err := s.hs.Joined(ctx, roomID(p), owner); err != nil || in {
		return in, err
	}
	m, err := s.hs.Member(ctx, roomID(p), s.hs.BotID(), owner)
	return m == event.MembershipJoin, err
}

// keep mutes and tags a room for a person as the network has it.
func (s *Service) keep(ctx context.Context, p store.Portal, owner id.UserID, k network.Kept) error {
	if in, err := s.acts(ctx, p, owner); err != nil || !in {
		return err
	}
	tag := map[network.Tag]string{network.TagFavourite: "m.favourite", network.TagLow: "m.lowpriority"}[k.Tag]
	return errors.Join(s.hs.KeepMuted(ctx, owner, roomID(p), k.Muted), s.hs.KeepTag(ctx, owner, roomID(p), tag))
}

// chatKept follows how a login's person keeps the chat.
func (x *inbound) chatKept(ctx context.Context, k *network.ChatKept) journal.Outcome {
	if x.p.Room == "" || x.owner() == "" {
		return journal.Delivered(nil)
	}
	if err := x.keep(ctx, x.p, x.owner(), k.Kept); err != nil {
		return x.failed(ctx, err)
	}
	return journal.Delivered(nil)
}

// picture gives the room the chat's picture, or that of whom a direct chat is with.
func (s *Service) picture(ctx context.Context, p store.Portal, chat network.Chat, ops *network.Ops) error {
	now, ok, err := s.portals.get(ctx, p.ID)
	if err != nil || !ok || now.Info.Plumbed || now.Info.Avatar != "" {
		return err // a change of it came first; what follows does so in the lanes
	}
	m := chat.Avatar
	if m == nil && p.Info.Kind == network.Direct && p.Info.Other != "" {
		other, err := ops.User(ctx, p.Info.Other)
		if err != nil || other.Avatar == nil {
			return nil // it comes with a change of theirs
		}
		if m, err = s.showFace(ctx, ops, s.ghostOf(p.Network, p.Info.Other), other.Avatar); err != nil {
			return err
		}
	}
	if m == nil {
		return nil
	}
	return s.showPicture(ctx, p, ops, m)
}

// showPicture gives the room a picture.
func (s *Service) showPicture(ctx context.Context, p store.Portal, ops *network.Ops, m *network.Media) error {
	uri, err := s.hs.KeepRoomAvatar(ctx, roomID(p), p.Info.Avatar, sourceOf(m), s.uploader(ops, m))
	if err != nil {
		return s.ignoreLost(err)
	}
	text := ""
	if !uri.IsEmpty() {
		text = uri.String()
	}
	if text == p.Info.Avatar {
		return nil
	}
	_, err = s.update(ctx, p.ID, func(p *store.Portal) { p.Info.Avatar = text })
	return err
}

// showFace gives a ghost its picture, and returns what it is on the homeserver; nil
// for none.
func (s *Service) showFace(ctx context.Context, ops *network.Ops, ghost id.UserID, m *network.Media) (*network.Media, error) {
	uri, err := s.hs.KeepAvatar(ctx, ghost, sourceOf(m), s.uploader(ops, m))
	if err != nil || uri.IsEmpty() {
		return nil, s.ignoreLost(err)
	}
	return &network.Media{Kind: network.Image, Ref: []byte(uri.String())}, nil
}

// sourceOf names a picture; "" for none.
func sourceOf(m *network.Media) string {
	if m == nil {
		return ""
	}
	sum := sha256.Sum256(m.Ref)
	return hex.EncodeToString(sum[:12])
}

// uploader brings a picture to the homeserver.
func (s *Service) uploader(ops *network.Ops, m *network.Media) func(context.Context) (id.ContentURI, error) {
	return func(ctx context.Context) (id.ContentURI, error) {
		if strings.HasPrefix(string(m.Ref), "mxc://") {
			return id.ParseContentURI(string(m.Ref))
		}
		if ops == nil || ops.OpenMedia == nil {
			return id.ContentURI{}, network.Errorf(network.Rejected, "pictures of this network cannot be fetched", "no media opener")
		}
		limit, err := s.hs.MaxUpload(ctx)
		if err != nil {
			return id.ContentURI{}, err
		}
		if limit > 0 && m.Size > limit {
			return id.ContentURI{}, network.Errorf(network.Rejected, "the picture is too large", "picture of %d bytes", m.Size)
		}
		body, err := ops.OpenMedia(ctx, *m)
		if err != nil {
			return id.ContentURI{}, err
		}
		defer body.Close()
		up := matrix.Upload{Name: m.Name, MIME: m.MIME, Size: m.Size, Body: body}
		if up.Size <= 0 {
			up.Size = -1
		}
		return s.hs.Upload(ctx, s.hs.BotID(), up)
	}
}

// ignoreLost is err, unless it says that a picture cannot be had: the room does without.
func (s *Service) ignoreLost(err error) error {
	switch network.KindOf(err) {
	case network.Rejected, network.Gone:
		return nil
	}
	if matrix.KindOf(err) == matrix.TooLarge {
		return nil
	}
	return err
}
