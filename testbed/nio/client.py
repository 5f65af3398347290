"""One client of matrix-nio, driven by lines of JSON.

Each line of standard input is a command {"id", "do", ...}; each line of standard
output is its answer {"id", "ok" or "error"} or something that was seen {"event"}.
"""

import asyncio
import json
import logging
import sys

import nio
from nio.crypto.attachments import decrypt_attachment


class Person:
    def __init__(self):
        self.client = None
        self.syncing = None

    def say(self, line):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    async def login(self, url, user, password, store, device=None):
        config = nio.AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True)
        self.client = nio.AsyncClient(url, user, device_id=device, store_path=store, config=config)
        got = await self.client.login(password, device_name="nio")
        self.must(got, nio.LoginResponse)
        self.client.add_event_callback(self.saw, nio.Event)
        await self.step()
        self.syncing = asyncio.create_task(self.sync())
        return {"user": got.user_id, "device": got.device_id}

    async def step(self, timeout=0):
        got = await self.client.sync(timeout=timeout)
        if not isinstance(got, nio.SyncResponse):
            await asyncio.sleep(0.2)
            return
        if self.client.should_upload_keys:
            await self.client.keys_upload()
        if self.client.should_query_keys:
            await self.client.keys_query()
        if self.client.should_claim_keys:
            await self.client.keys_claim(self.client.get_users_for_key_claiming())
        await self.client.send_to_device_messages()

    async def sync(self):
        while True:
            try:
                await self.step(timeout=10000)
            except asyncio.CancelledError:
                raise
            except Exception as e:  # the homeserver is away
                self.say({"trouble": repr(e)})
                await asyncio.sleep(0.2)

    async def saw(self, room, event):
        source = dict(event.source)
        source["room_id"] = room.room_id
        self.say({"event": {
            "source": source,
            "decrypted": bool(getattr(event, "decrypted", False)),
            "unreadable": isinstance(event, nio.MegolmEvent),
            "key": getattr(event, "sender_key", "") or "",
        }})

    def must(self, got, kind):
        if not isinstance(got, kind):
            raise RuntimeError(str(got))
        return got

    async def join(self, room):
        self.must(await self.client.join(room), nio.JoinResponse)
        return {}

    async def leave(self, room):
        self.must(await self.client.room_leave(room), nio.RoomLeaveResponse)
        return {}

    async def known(self, room):
        """Whether the room is known to be encrypted, and who is in it."""
        r = self.client.rooms.get(room)
        return {"encrypted": bool(r and r.encrypted), "users": sorted(r.users) if r else []}

    async def meet(self, room):
        """Before it encrypts, a client asks who is there and for their devices. nio
        leaves the latter to its /sync, which may come later."""
        self.must(await self.client.joined_members(room), nio.JoinedMembersResponse)
        if self.client.should_query_keys:
            self.must(await self.client.keys_query(), nio.KeysQueryResponse)

    async def send(self, room, type, content):
        known = self.client.rooms.get(room)
        if known and known.encrypted:
            await self.meet(room)
        got = await self.client.room_send(room, type, content, ignore_unverified_devices=True)
        return {"event": self.must(got, nio.RoomSendResponse).event_id}

    async def redact(self, room, event):
        got = await self.client.room_redact(room, event)
        return {"event": self.must(got, nio.RoomRedactResponse).event_id}

    async def file(self, room, name, data):
        import io

        raw = data.encode()
        got, keys = await self.client.upload(
            io.BytesIO(raw), content_type="text/plain", filename=name, encrypt=True, filesize=len(raw))
        self.must(got, nio.UploadResponse)
        keys["url"] = got.content_uri
        return await self.send(room, "m.room.message", {
            "msgtype": "m.file", "body": name, "file": keys, "info": {"size": len(raw), "mimetype": "text/plain"}})

    async def fetch(self, file):
        got = await self.client.download(mxc=file["url"])
        self.must(got, nio.DownloadResponse)
        plain = decrypt_attachment(got.body, file["key"]["k"], file["hashes"]["sha256"], file["iv"])
        return {"data": plain.decode()}

    async def read(self, room, event):
        """What an encrypted event says, with the keys that are there now."""
        parsed = nio.Event.parse_encrypted_event(event)
        parsed.room_id = room
        return {"source": self.client.decrypt_event(parsed).source}

    async def devices(self, user):
        """Devices of a user that are known here."""
        return {"devices": sorted(d.id for d in self.client.device_store.active_user_devices(user))}

    async def rotate(self, room):
        """The next message gets a new session."""
        self.client.invalidate_outbound_session(room)
        return {}

    async def run(self):
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=1 << 26)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            command = json.loads(line)
            number, do = command.pop("id"), command.pop("do")
            try:
                self.say({"id": number, "ok": await getattr(self, do)(**command)})
            except Exception as e:
                self.say({"id": number, "error": f"{do}: {e!r}"})
        if self.syncing:
            self.syncing.cancel()
        if self.client:
            await self.client.close()


logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
asyncio.run(Person().run())
