"""An OpenAI-compatible server on loopback, for tests: it answers by a function of the request, with bad weather on demand.

    with StubOpenAI(answer=lambda body, times_before: '{"description": "A dog."}') as stub:
        client = openai.OpenAI(base_url=stub.url, api_key="x")

It has chat completions, files and batches. `stub.requests` are the bodies of all chat completions asked for directly.
"""

import hashlib
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Reply:
    """What to answer: a completion's `content`; or an `error` with a `status`; or nothing (`hang`, `cut`)."""

    content: str | None = None
    status: int = 200
    error: dict[str, Any] | str | None = None
    refusal: str | None = None
    finish: str = "stop"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None  # instead of a completion
    hang: float = 0.0  # seconds of silence, then the connection is closed
    cut: bool = False  # the connection is closed in the middle of the answer


def messages_of(body: dict[str, Any]) -> str:
    return json.dumps(body["messages"])


def weather(
    body: dict[str, Any], times_before: int, transport: dict[str, Reply], content: dict[str, Reply], share: float
) -> Reply | None:
    """At random, but the same in each run: one of `transport`, which passes when the request comes again, or one of
    `content`, which a request always gets. `share` is the probability of each."""
    seed = hashlib.sha256(messages_of(body).encode()).hexdigest()
    for faults, key in ((transport, f"{seed} {times_before}"), (content, seed)):
        roll = random.Random(key).random()
        if roll < share * len(faults):
            return list(faults.values())[int(roll / share)]
    return None


class StubOpenAI:
    """The server; `answer(body, times_before)` gives a content or a `Reply`. `key`: the only one it accepts."""

    def __init__(self, answer: Callable[[dict[str, Any], int], str | Reply], key: str | None = None):
        self.answer, self.key = answer, key
        self.requests: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.files: dict[str, bytes] = {}
        self.batches: list[dict[str, Any]] = []  # newest first
        self.on_batch: Callable[[], str | None] = lambda: None  # when one was created; "cut" loses the answer
        self._times: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = _QuietServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"stub": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> "StubOpenAI":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reply_to(self, body: dict[str, Any]) -> Reply:
        with self._lock:
            times_before = self._times[messages_of(body)]
            self._times[messages_of(body)] += 1
        reply = self.answer(body, times_before)
        return Reply(reply) if isinstance(reply, str) else reply

    def new_file(self, content: bytes) -> str:
        with self._lock:
            self.files[f"file-{len(self.files)}"] = content
            return f"file-{len(self.files) - 1}"

    def run_batches(self, status: str = "completed", leave_out: float = 0.0) -> None:
        """Ends all batches that are on their way; `leave_out` is the share of requests that expire."""
        for batch in self.batches:
            if batch["status"] != "in_progress":
                continue
            good, bad = [], []
            for number, line in enumerate(self.files[batch["input_file_id"]].decode().splitlines()):
                request = json.loads(line)
                outcome: dict[str, Any] = {"id": f"batch_req_{number}", "custom_id": request["custom_id"]}
                if random.Random(request["custom_id"]).random() < leave_out:
                    expired = {"code": "batch_expired", "message": "This request could not be executed in time."}
                    bad.append({**outcome, "response": None, "error": expired})
                    continue
                reply = self.reply_to(request["body"])
                answer = completion(request["body"], reply) if reply.status == 200 else {"error": reply.error}
                outcome |= {"response": {"status_code": reply.status, "body": answer}, "error": None}
                (good if reply.status == 200 else bad).append(outcome)
            for name, lines in (("output_file_id", good), ("error_file_id", bad)):
                if lines:
                    batch[name] = self.new_file("".join(json.dumps(line) + "\n" for line in lines).encode())
            batch["status"] = status


def completion(body: dict[str, Any], reply: Reply) -> dict[str, Any]:
    read, written = len(messages_of(body)) // 4, len(reply.content or "") // 4
    message = {"role": "assistant", "content": reply.content, "refusal": reply.refusal}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": f"{body['model']}-2024-08-06",
        "choices": [{"index": 0, "message": message, "finish_reason": reply.finish, "logprobs": None}],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that was killed, or gave up
            raise


class _Handler(BaseHTTPRequestHandler):
    stub: StubOpenAI
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        data = self.rfile.read(length)
        if len(data) < length or not self._may_enter():  # the client was killed, or may not
            return
        if self.path == "/v1/chat/completions":
            body = json.loads(data)
            self.stub.requests.append(body)
            reply = self.stub.reply_to(body)
            if reply.hang:
                time.sleep(reply.hang)
                self.close_connection = True
            elif reply.error is not None:
                self._send(reply.status, {"error": reply.error}, reply.headers)
            else:
                answer = reply.body or json.dumps(completion(body, reply)).encode()
                self._send(reply.status, answer, reply.headers, cut=reply.cut)
        elif self.path == "/v1/files":
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            parts = BytesParser(policy=HTTP).parsebytes(head + data).iter_parts()
            content = next(part.get_payload(decode=True) for part in parts if part.get_filename())
            file = {"id": self.stub.new_file(content), "object": "file", "bytes": len(content), "created_at": 0}
            self._send(200, {**file, "filename": "x.jsonl", "purpose": "batch", "status": "processed"})
        elif self.path == "/v1/batches":
            batch = {"object": "batch", "created_at": int(time.time()), "status": "in_progress", **json.loads(data)}
            self.stub.batches.insert(0, {"id": f"batch_{len(self.stub.batches)}", **batch})
            self._send(200, self.stub.batches[0], cut=self.stub.on_batch() == "cut")
        else:
            self._send(404, {"error": {"message": f"no {self.path}"}})

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        parts = url.path.removeprefix("/v1/").split("/")
        if not self._may_enter():
            return
        if parts[0] == "files":
            self._send(200, self.stub.files[parts[1]])
        elif parts == ["batches"]:
            ids = [batch["id"] for batch in self.stub.batches]
            after = parse_qs(url.query).get("after")
            start = ids.index(after[0]) + 1 if after else 0
            page = self.stub.batches[start : start + 2]  # small pages: whoever lists must turn them
            self._send(200, {"object": "list", "data": page, "has_more": start + 2 < len(ids)})
        else:
            self._send(200, next(batch for batch in self.stub.batches if batch["id"] == parts[1]))

    def _may_enter(self) -> bool:
        key = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        self.stub.keys.add(key)
        if self.stub.key in (None, key):
            return True
        self._send(401, {"error": {"message": f"Incorrect API key provided: {key}.", "code": "invalid_api_key"}})
        return False

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None, cut: bool = False) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)
        self.close_connection = self.close_connection or cut
