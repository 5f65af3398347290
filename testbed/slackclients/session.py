"""A scripted session of Slack's own library for Python. It is given JSON as its
argument: api, bot, app, channel, person, and a signature with its secret, timestamp
and body; it prints JSON: what it saw."""

import json
import sys
import threading
import urllib.request

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse

given = json.loads(sys.argv[1])
seen = {}
LIMIT = 600

arrived = threading.Condition()
things = []


def happened(what):
    with arrived:
        things.append(what)
        arrived.notify_all()


def when(what):
    with arrived:
        if not arrived.wait_for(lambda: what in things, LIMIT):
            raise TimeoutError(f"{what} did not come, only {things}")


def listen(client, request):
    payload = None
    if request.type == "slash_commands":
        payload = {"text": "done: " + request.payload["text"]}
    client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id, payload=payload))
    if request.type == "slash_commands":
        happened("command")
        return
    event = request.payload["event"]
    if event["type"] == "message":
        happened("message " + event.get("text", ""))
    elif event["type"] == "reaction_added":
        happened("reaction {} {}".format(event["reaction"], event["item"]["ts"]))


def lower(headers):
    return {name.lower(): value for name, value in headers.items()}


class Counting(RateLimitErrorRetryHandler):
    def prepare_for_next_attempt(self, *, state, request, response=None, error=None):
        seen["limited"] = int(lower(response.headers)["retry-after"][0])
        super().prepare_for_next_attempt(state=state, request=request, response=response, error=error)


web = WebClient(token=given["bot"], base_url=given["api"])
web.retry_handlers.append(Counting(max_retry_count=3))
who = web.auth_test()
seen["user"] = who["user_id"]
seen["scopes"] = "chat:write" in lower(who.headers)["x-oauth-scopes"].split(",")
socket = SocketModeClient(app_token=given["app"], web_client=web)
socket.socket_mode_request_listeners.append(listen)
socket.connect()
when("message begin")

channel = given["channel"]
root = web.chat_postMessage(channel=channel, text="from python", username="Carol", icon_emoji=":boat:")["ts"]
reply = web.chat_postMessage(channel=channel, text="in the thread", thread_ts=root, reply_broadcast=True)["ts"]
web.chat_update(channel=channel, ts=reply, text="in the thread, edited")
when(f"reaction tada {root}")

seen["history"] = sum(len(page["messages"]) for page in web.conversations_history(channel=channel, limit=10))
seen["replies"] = [m["text"] for m in web.conversations_replies(channel=channel, ts=root)["messages"]]

data = b"python" * 20000
upload = web.files_upload_v2(channel=channel, content=data, filename="python.txt", initial_comment="a file", thread_ts=root)
seen["file"] = upload["files"][0]["id"]
info = web.files_info(file=seen["file"])["file"]
fetch = urllib.request.Request(info["url_private"], headers={"Authorization": "Bearer " + given["bot"]})
with urllib.request.urlopen(fetch) as got:
    seen["fileSame"] = got.read() == data

seen["info"] = web.users_info(user=given["person"])["user"]["name"]  # refused once with 429

try:
    web.chat_postMessage(channel="C404", text="nowhere")
except SlackApiError as e:
    seen["error"] = e.response["error"]
try:
    web.chat_postMessage(channel=channel, blocks=[{"type": "nonsense"}])
except SlackApiError as e:
    seen["blocks"] = e.response["error"]
seen["signature"] = SignatureVerifier(given["secret"]).is_valid(given["body"], given["timestamp"], given["signature"])
when("command")
web.chat_postMessage(channel=channel, text="refresh, please")
when("message after the refresh")
socket.close()
print(json.dumps(seen), flush=True)
