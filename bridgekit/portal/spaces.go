package portal

import (
	"context"
	"errors"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// Everybody who signs in has a space for each network, with one inside it for each
// of their accounts there, which holds the rooms of that account's chats. They are
// this person's only. Who leaves one is not brought back.

// spaceAliases name a person's space of a network and the one of a login in it.
func (s *Service) spaceAliases(n network.NetworkID, l network.LoginID, owner id.UserID) (outer, inner string) {
	return s.hs.Alias("space", string(n), string(owner)), s.hs.Alias("space", string(n), string(owner), string(l))
}

// space is the space of a login; it is made if there is none.
func (s *Service) space(ctx context.Context, sess *login.Session) (id.RoomID, error) {
	owner := id.UserID(sess.Owner)
	outer, inner := s.spaceAliases(sess.Network, sess.ID, owner)
	whole, err := s.hs.EnsureSpace(ctx, matrix.Space{
		Alias: outer, Name: s.networkName(sess.Network), Topic: "Your chats on " + s.networkName(sess.Network), Invite: []id.UserID{owner},
	})
	if err == nil {
		err = s.hs.BringOnce(ctx, whole, owner)
	}
	if err != nil {
		return "", err
	}
	part, err := s.hs.EnsureSpace(ctx, matrix.Space{Alias: inner, Name: sess.Name, Topic: "Your chats of this account", Parent: whole})
	if err == nil {
		err = s.hs.BringOnce(ctx, part, owner)
	}
	if err == nil {
		err = s.hs.AddChild(ctx, whole, part)
	}
	if matrix.KindOf(err) == matrix.RoomGone {
		return "", errors.Join(err, s.hs.ForgetSpace(ctx, outer), s.hs.ForgetSpace(ctx, inner)) // the next attempt makes others
	}
	return part, err
}

// shelve puts a portal's room into the space of a login.
func (s *Service) shelve(ctx context.Context, p store.Portal, sess *login.Session) error {
	if !s.opts.Spaces || sess.Owner == "" {
		return nil
	}
	space, err := s.space(ctx, sess)
	if err != nil {
		return err
	}
	err = s.hs.AddChild(ctx, space, roomID(p))
	if matrix.KindOf(err) == matrix.RoomGone {
		_, inner := s.spaceAliases(sess.Network, sess.ID, id.UserID(sess.Owner))
		return errors.Join(err, s.hs.ForgetSpace(ctx, inner))
	}
	return err
}

// unshelve takes a room out of the spaces of its chat's people: all of them, or one
// login's only.
func (s *Service) unshelve(p store.Portal, l network.LoginID, owner id.UserID) {
	if owner == "" || p.Room == "" {
		return
	}
	s.tasks.add(false, func(ctx context.Context) {
		_, inner := s.spaceAliases(p.Network, l, owner)
		space, err := s.hs.KnownSpace(ctx, inner)
		if err == nil && space != "" {
			err = s.hs.RemoveChild(ctx, space, roomID(p))
		}
		if err != nil && !harmless(err) && matrix.KindOf(err) != matrix.RoomGone {
			s.log.Warn("take a room out of a space", "portal", p.ID, "err", err)
		}
	})
}

// dropSpace ends the space of a login that was removed.
func (s *Service) dropSpace(sess *login.Session) {
	if sess.Owner == "" {
		return
	}
	s.tasks.add(false, func(ctx context.Context) {
		if err := s.endSpace(ctx, sess); err != nil {
			s.log.Warn("end the space of an account", "login", sess.ID, "err", err)
		}
	})
}

func (s *Service) endSpace(ctx context.Context, sess *login.Session) error {
	owner := id.UserID(sess.Owner)
	outer, inner := s.spaceAliases(sess.Network, sess.ID, owner)
	part, err := s.hs.KnownSpace(ctx, inner)
	if err != nil || part == "" {
		return err
	}
	whole, err := s.hs.KnownSpace(ctx, outer)
	if err == nil && whole != "" {
		err = s.remove(s.hs.RemoveChild(ctx, whole, part))
	}
	if err != nil {
		return err
	}
	m, err := s.hs.Member(ctx, part, s.hs.BotID(), owner)
	if err == nil && (m == event.MembershipJoin || m == event.MembershipInvite) {
		err = s.remove(s.hs.Kick(ctx, part, s.hs.BotID(), owner, "you signed out"))
	}
	if err == nil {
		err = s.ignoreGone(s.hs.Leave(ctx, part, s.hs.BotID(), ""))
	}
	if err != nil {
		return s.ignoreGone(err)
	}
	return s.hs.ForgetSpace(ctx, inner)
}
