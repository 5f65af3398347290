// A scripted session of Slack's own libraries for Node.js. It is given JSON as its
// argument: api, bot, app, channel, person; and prints JSON: what it saw.
import { SocketModeClient } from "@slack/socket-mode";
import { LogLevel, WebClient } from "@slack/web-api";

const given = JSON.parse(process.argv[1]);
const seen = {};

const web = new WebClient(given.bot, { slackApiUrl: given.api, retryConfig: { retries: 3 }, logLevel: LogLevel.ERROR });
const socket = new SocketModeClient({ appToken: given.app, clientOptions: { slackApiUrl: given.api } });

const waiting = new Map();
const arrived = [];
function when(what) {
  if (arrived.includes(what)) return Promise.resolve();
  return new Promise((done) => waiting.set(what, done));
}
function happened(what) {
  arrived.push(what);
  waiting.get(what)?.();
}
socket.on("message", async ({ event, ack }) => {
  await ack();
  happened(`message ${event.text}`);
});
socket.on("reaction_added", async ({ event, ack }) => {
  await ack();
  happened(`reaction ${event.reaction} ${event.item.ts}`);
});
socket.on("slash_commands", async ({ body, ack }) => {
  await ack({ text: `done: ${body.text}` });
  happened("command");
});

const who = await web.auth.test();
seen.user = who.user_id;
seen.scopes = who.response_metadata.scopes.includes("chat:write");
await socket.start();
await when("message begin");

const root = await web.chat.postMessage({ channel: given.channel, text: "from node", username: "Carol", icon_emoji: ":boat:" });
const reply = await web.chat.postMessage({ channel: given.channel, text: "in the thread", thread_ts: root.ts, reply_broadcast: true });
await web.chat.update({ channel: given.channel, ts: reply.ts, text: "in the thread, edited" });
await when(`reaction tada ${root.ts}`);

seen.history = 0;
for await (const page of web.paginate("conversations.history", { channel: given.channel, limit: 10 })) {
  seen.history += page.messages.length;
}
seen.replies = (await web.conversations.replies({ channel: given.channel, ts: root.ts })).messages.map((m) => m.text);

const data = Buffer.alloc(100000, "node");
const upload = await web.filesUploadV2({ channel_id: given.channel, file: data, filename: "node.txt", initial_comment: "a file", thread_ts: root.ts });
const id = upload.files[0].files[0].id;
const info = await web.files.info({ file: id });
const got = await fetch(info.file.url_private, { headers: { Authorization: `Bearer ${given.bot}` } });
seen.file = id;
seen.fileSame = Buffer.from(await got.arrayBuffer()).equals(data);

web.on("rate_limited", (seconds) => { seen.limited = seconds; });
seen.info = (await web.users.info({ user: given.person })).user.name; // refused once with 429

try {
  await web.chat.postMessage({ channel: "C404", text: "nowhere" });
} catch (err) {
  seen.error = err.data.error;
}
try {
  await web.chat.postMessage({ channel: given.channel, blocks: [{ type: "nonsense" }] });
} catch (err) {
  seen.blocks = err.data.error;
}
await when("command");
await web.chat.postMessage({ channel: given.channel, text: "refresh, please" });
await when("message after the refresh");
await socket.disconnect();
console.log(JSON.stringify(seen));
