// One client of matrix-js-sdk with the Rust SDK's encryption, which is what Element Web
// is made of, driven by lines of JSON.
//
// Each line of standard input is a command {"id", "do", ...}; each line of standard
// output is its answer {"id", "ok" or "error"} or something that was seen {"event"}.

import { createInterface } from "node:readline";
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto; // Node.js before 19
Promise.withResolvers ??= function () { // and before 22
    const all = {};
    all.promise = new this((resolve, reject) => Object.assign(all, { resolve, reject }));
    return all;
};
const out = process.stdout.write.bind(process.stdout);
const quiet = { trace() {}, debug() {}, info() {}, warn: console.error, error: console.error, log() {}, getChild: () => quiet };
for (const name of ["log", "info", "debug", "trace"]) console[name] = () => {};
const sdk = await import("matrix-js-sdk");
const { AllDevicesIsolationMode, OnlySignedDevicesIsolationMode, EventShieldColour, EventShieldReason } = await import("matrix-js-sdk/lib/crypto-api/index.js");
const { decryptAttachment, encryptAttachment } = (await import("matrix-encrypt-attachment")).default;

const say = (line) => out(JSON.stringify(line) + "\n");
const nameOf = (values, n) => Object.keys(values).find((k) => values[k] === n) ?? "";

let client;
const crypto = () => client.getCrypto();

// saw says what an event of a room is, once it is decrypted or cannot be.
async function saw(event) {
    if (!event.getRoomId() || event.isBeingDecrypted()) return;
    const shield = event.isEncrypted() && !event.isDecryptionFailure() ? await crypto().getEncryptionInfoForEvent(event) : null;
    say({
        event: {
            source: { ...event.event, type: event.getType(), content: event.getOriginalContent(), room_id: event.getRoomId() },
            decrypted: event.isEncrypted() && !event.isDecryptionFailure(),
            unreadable: event.isDecryptionFailure(),
            key: event.getSenderKey() ?? "",
            shield: shield ? nameOf(EventShieldColour, shield.shieldColour) : "",
            reason: shield ? nameOf(EventShieldReason, shield.shieldReason) || String(shield.shieldReason ?? "") : event.decryptionFailureReason ?? "",
        },
    });
}

const commands = {
    async login({ url, user, password, device, strict }) {
        const identifier = { type: "m.id.user", user };
        const body = JSON.stringify({ type: "m.login.password", identifier, password, ...(device && { device_id: device }) });
        const resp = await fetch(`${url}/_matrix/client/v3/login`, { method: "POST", body });
        const got = await resp.json();
        if (!resp.ok) throw new Error(got.error);
        client = sdk.createClient({ baseUrl: url, userId: got.user_id, accessToken: got.access_token, deviceId: got.device_id, logger: quiet });
        await client.initRustCrypto({ useIndexedDB: false });
        crypto().setDeviceIsolationMode(strict ? new OnlySignedDevicesIsolationMode() : new AllDevicesIsolationMode(false));
        client.on(sdk.MatrixEventEvent.Decrypted, saw);
        client.on(sdk.RoomEvent.Timeline, (event, room, start) => {
            if (!start && !(event.isEncrypted() && event.shouldAttemptDecryption())) saw(event);
        });
        await client.startClient({ initialSyncLimit: 50 });
        await new Promise((done) => client.on(sdk.ClientEvent.Sync, (state) => state === "PREPARED" && done()));
        return { user: got.user_id, device: got.device_id };
    },
    async join({ room }) {
        await client.joinRoom(room);
        return {};
    },
    async leave({ room }) {
        await client.leave(room);
        return {};
    },
    async known({ room }) {
        const r = client.getRoom(room);
        return { encrypted: !!r?.hasEncryptionStateEvent(), users: (r?.getMembers() ?? []).map((m) => m.userId).sort() };
    },
    async devices({ user }) {
        const all = await crypto().getUserDeviceInfo([user], true);
        return { devices: [...(all.get(user)?.keys() ?? [])].sort() };
    },
    async send({ room, type, content }) {
        return { event: (await client.sendEvent(room, type, content)).event_id };
    },
    async redact({ room, event }) {
        return { event: (await client.redactEvent(room, event)).event_id };
    },
    async file({ room, name, data }) {
        const raw = Buffer.from(data);
        const { data: sealed, info } = await encryptAttachment(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
        const { content_uri } = await client.uploadContent(Buffer.from(sealed), { type: "application/octet-stream", includeFilename: false });
        const content = { msgtype: "m.file", body: name, file: { ...info, url: content_uri }, info: { size: raw.length, mimetype: "text/plain" } };
        return commands.send({ room, type: "m.room.message", content });
    },
    async fetch({ file }) {
        const url = client.mxcUrlToHttp(file.url, undefined, undefined, undefined, false, true, true);
        const got = await fetch(url, { headers: { authorization: `Bearer ${client.getAccessToken()}` } });
        if (!got.ok) throw new Error(`${url}: ${got.status}`);
        return { data: Buffer.from(await decryptAttachment(await got.arrayBuffer(), file)).toString() };
    },
    async read({ room, event }) {
        const e = new sdk.MatrixEvent({ ...event, room_id: room });
        await client.decryptEventIfNeeded(e);
        if (e.isDecryptionFailure()) throw new Error(`cannot be read: ${e.decryptionFailureReason}`);
        return { source: { ...event, room_id: room, type: e.getType(), content: e.getOriginalContent() } };
    },
    async rotate({ room }) {
        await crypto().forceDiscardSession(room);
        return {};
    },
};

const running = new Set();
for await (const line of createInterface({ input: process.stdin })) {
    const { id, do: name, ...args } = JSON.parse(line);
    const one = commands[name](args).then(
        (ok) => say({ id, ok }),
        (e) => say({ id, error: `${name}: ${e}` }),
    );
    running.add(one);
    one.finally(() => running.delete(one));
}
await Promise.allSettled(running);
client?.stopClient();
process.exit(0);
