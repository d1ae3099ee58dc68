"""A real HTTP server on a loopback port that speaks chat completions, and misbehaves on demand.

It is written against RFC 9112 and the API's published form, with sockets alone: it shares no code with the
client it tests. What it does is decided by a script for each request: the request's body → what to send.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


class Hang:
    """Sends nothing more for so long, or until the client goes away."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Cut:
    """Closes the connection here."""


@dataclass
class Raw:
    """A response as it is: pieces of bytes with pauses and cuts."""

    pieces: Iterable[bytes | Hang | Cut]


Script = Callable[[dict[str, Any]], Raw]


@dataclass
class Seen:
    """A request that came."""

    body: dict[str, Any]
    headers: dict[str, str]
    target: str
    at: float = field(default_factory=time.monotonic)


def reply(text: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **more: Any) -> Raw:
    """A whole completion in one body."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    body = {"model": "served", "choices": [choice], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}
    return body_of(body | more, status=status, headers=headers)


def body_of(told: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Raw:
    """A response with a JSON body."""
    data = told if isinstance(told, bytes) else json.dumps(told).encode()
    return Raw([_head(status, {"Content-Length": str(len(data)), **(headers or {})}) + data])


def failure(
    status: int, message: str = "no", code: str = "", headers: Mapping[str, str] | None = None
) -> Raw:
    """An error as the API tells it."""
    return body_of({"error": {"message": message, "code": code}}, status=status, headers=headers)


def delta(text: str, reason: str | None = None) -> bytes:
    """An event with a piece of text."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    return event({"model": "served", "choices": [choice]})


def event(told: Any) -> bytes:
    """An event with a JSON object, or with text."""
    data = told if isinstance(told, str) else json.dumps(told)
    return f"data: {data}\n\n".encode()


USAGE = event({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}})
DONE = event("[DONE]")


def stream(*pieces: bytes | Hang | Cut, is_ended: bool = True) -> Raw:
    """Events, each in a chunk of its own; without the last chunk where it is not ended."""
    parts: list[bytes | Hang | Cut] = [
        _head(200, {"Transfer-Encoding": "chunked", "Content-Type": "text/event-stream"})
    ]
    parts += [chunk(piece) if isinstance(piece, bytes) else piece for piece in pieces]
    return Raw([*parts, b"0\r\n\r\n"] if is_ended else [*parts, Cut()])


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode()


class ChatServer:
    """Serves until it is closed; `seen` holds the requests in the order they came."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.seen: list[Seen] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def answer(self, seen: Seen) -> Raw:
        """What is sent for a request."""
        return self.script(seen.body)

    def close(self) -> None:
        self._closing.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as source:
            try:
                while (seen := _request(source)) is not None:
                    with self._lock:
                        self.seen.append(seen)
                    for piece in self.answer(seen).pieces:
                        if isinstance(piece, Cut):
                            return
                        if isinstance(piece, Hang):
                            if self._is_gone(connection, piece.seconds):
                                return
                        else:
                            connection.sendall(piece)
            except OSError:
                pass

    def _is_gone(self, connection: socket.socket, seconds: float) -> bool:
        until = time.monotonic() + seconds
        connection.settimeout(0.02)
        try:
            while time.monotonic() < until and not self._closing.is_set():
                try:
                    if not connection.recv(1, socket.MSG_PEEK):
                        return True
                except TimeoutError:
                    continue
        finally:
            connection.settimeout(None)
        return self._closing.is_set()


def _request(source: Any) -> Seen | None:
    line = source.readline()
    if not line:
        return None
    headers: dict[str, str] = {}
    while (header := source.readline()) not in (b"\r\n", b""):
        name, _, value = header.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    size = int(headers.get("content-length", 0))
    body = source.read(size)
    if len(body) < size:
        return None  # the client went away while it asked
    return Seen(json.loads(body), headers, line.decode("latin-1").split(" ")[1])


def in_turn(*responses: Raw) -> Script:
    """Each response once, the last one for ever."""
    left, lock = list(responses), threading.Lock()

    def script(_: dict[str, Any]) -> Raw:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return script


@contextmanager
def serving(*responses: Raw, script: Script | None = None) -> Iterator[ChatServer]:
    """A server that gives these responses in turn, or what a script says."""
    server = ChatServer(script or in_turn(*responses))
    try:
        yield server
    finally:
        server.close()
