"""An HTTP server on the loopback interface around a service in Python, with a script of what goes wrong."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, Self
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import httpx

# What may go wrong with a request: it is given the request and the way to answer it as usual.
Fault = Callable[["Request", Callable[[], Any]], Any]


@dataclass(slots=True)
class Request:
    """One request, as it came."""

    method: str
    path: str
    parameters: dict[str, str]
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)  # parameters that may come several times
    user: str = ""  # who it turned out to be, where a service knows users


@dataclass(slots=True)
class Reply:
    """An answer with headers of its own; `said` of None is an empty one, bytes are sent as they are."""

    said: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, said: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {said}")
        self.reply = Reply(said, status, headers or {})


class Service(Protocol):
    """What answers."""

    def answer(self, request: Request) -> Any:
        """What is said to a request: a `Reply`, or the body of one."""
        ...

    def is_writing(self, request: Request) -> bool:
        """Whether a request changes documents; these are counted for the script."""
        ...


class Dropped(Exception):
    """The connection ends without an answer."""


def dropped(request: Request, usual: Callable[[], Any]) -> Any:
    """The server never hears of it."""
    raise Dropped


def answer_lost(request: Request, usual: Callable[[], Any]) -> Any:
    """The server does it, and the answer does not come."""
    usual()
    raise Dropped


def answer_late(request: Request, usual: Callable[[], Any]) -> Any:
    """The server does it, and the answer comes when nobody waits for it any more."""
    usual()
    time.sleep(1.3)
    raise Dropped


class Loopback:
    """A server on a free port; a context."""

    def __init__(self, service: Any) -> None:
        self.service = service
        self.log: list[Request] = []
        self.faults: dict[int, Fault] = {}
        self.n_writes = 0
        self._port = 0
        self._http: _Quiet | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def plan(self, faults: dict[int, Fault]) -> None:
        """What goes wrong from now on, by number of the writing request."""
        self.n_writes, self.faults = 0, faults

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def start(self) -> None:
        self._http = _Quiet(("127.0.0.1", self._port), _handler(self))
        self._port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuses connections from now on, and ends those that are open."""
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            for connection in list(self._http.connections):
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
            self._http = None

    def answer(self, request: Request) -> Reply:
        self.log.append(request)

        def usual() -> Any:
            return self.service.answer(request)

        try:
            fault = None
            if self.service.is_writing(request):
                fault = self.faults.get(self.n_writes)
                self.n_writes += 1
            said = usual() if fault is None else fault(request, usual)
        except Refusal as e:
            return e.reply
        return said if isinstance(said, Reply) else Reply(said)


class Shortcut:
    """The same server without its network: requests are handed over, for thousands of calls.

    `change` may alter a request on its way, as a server would that does not keep to it.
    """

    def __init__(self, server: Loopback) -> None:
        self.server = server
        self.change: Callable[[Request], None] | None = None

    def answer(self, request: Request) -> Reply:
        """What the server answers.

        Raises:
            Dropped: the connection ends without an answer.
        """
        if self.change is not None:
            self.change(request)
        return self.server.answer(request)


class HandedOver(Shortcut, httpx.BaseTransport):
    """The way to it for a client of httpx."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        parameters = dict(request.url.params)
        lists = {name: request.url.params.get_list(name) for name in parameters}
        headers = {name.lower(): value for name, value in request.headers.items()}
        given = Request(request.method, request.url.path, parameters, request.read(), headers, lists)
        try:
            reply = self.answer(given)
        except Dropped as e:
            raise httpx.ReadError("the server closed the connection", request=request) from e
        return httpx.Response(reply.status, headers=reply.headers, content=data_of(reply))


def data_of(reply: Reply) -> bytes:
    """An answer as it is sent."""
    said = reply.said
    return said if isinstance(said, bytes) else b"" if said is None else json.dumps(said).encode()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.connections: set[socket.socket] = set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Quiet where the other side ended the connection; a mistake of a service is printed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _handler(server: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # headers and body leave together

        def setup(self) -> None:
            super().setup()
            self.server.connections.add(self.connection)  # type: ignore[attr-defined]

        def finish(self) -> None:
            self.server.connections.discard(self.connection)  # type: ignore[attr-defined]
            super().finish()

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
            path, lists = unquote(parts.path), parse_qs(parts.query, keep_blank_values=True)
            try:
                reply = server.answer(Request(self.command, path, parameters, body, headers, lists))
            except Dropped:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            data = data_of(reply)
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler
