"""The loopback Hub's wire: requests read, faults carried out, answers sent."""

import contextlib
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit


@dataclass
class Fault:
    """What goes wrong with a request, once unless `times` says otherwise."""

    pattern: str  # of "METHOD /path"
    number: int  # of the request since `requests` was cleared, from 1; 0 for any
    status: int
    headers: dict[str, str]
    cut: str  # "before": the connection ends and nothing has happened; "after": it has happened, nobody is told
    spoil: bool  # a byte of the body changes on its way here
    then: Callable[[], object] | None  # called at that moment
    times: int


class Request(NamedTuple):
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    user: dict | None

    def json(self) -> dict:
        return json.loads(self.body or b"{}")


class Reply(NamedTuple):
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}


def in_json(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})


class Handler(BaseHTTPRequestHandler):
    """Reads a request, lets the faults have it, answers."""

    hub: Any  # LoopbackHub
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves in one piece: in two, the second waits 40 ms for the first to be acknowledged

    def handle_request(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        token = headers.get("authorization", "").removeprefix("Bearer ")
        request = Request(
            self.command,
            parts.path,
            parse_qs(parts.query),
            headers,
            self.read_body(headers),
            self.hub.users.get(token),
        )
        fault = self.hub.take_fault(request)
        if fault and fault.cut != "after":
            if fault.then:
                fault.then()
            if fault.cut:
                return self.cut()
            if fault.spoil:
                request = request._replace(body=bytes([request.body[0] ^ 1]) + request.body[1:])
            if fault.status >= 500:  # what a gateway says is no JSON
                return self.send(Reply(fault.status, b"<html>Trouble</html>", {"Content-Type": "text/html"}))
            if fault.status:
                return self.send(in_json({"error": "A fault, as ordered"}, fault.status, fault.headers))
        reply = self.hub.answer(request)
        if fault and fault.cut == "after":
            if fault.then:
                fault.then()
            return self.cut()
        return self.send(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_request

    def read_body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def send(self, reply: Reply) -> None:
        try:
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)
        except ConnectionError:  # the client is gone
            self.close_connection = True

    def cut(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):  # the client is gone
            self.connection.shutdown(socket.SHUT_RDWR)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_) -> None:
        """Nothing on standard error: `requests` is the log."""
