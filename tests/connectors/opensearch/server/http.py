"""The cluster behind HTTP on the loopback interface, with a script of what goes wrong on the way."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.connectors.opensearch.server.cluster import Cluster, Request
from tests.connectors.opensearch.server.errors import ApiError

# What may go wrong with a request: it is given the request and the way to answer it as usual.
Fault = Callable[[Request, Callable[[], Any]], Any]


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


def unavailable(request: Request, usual: Callable[[], Any]) -> Any:
    """The cluster has a bad moment."""
    raise ApiError(503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/1/state not recovered];")


def rejected(request: Request, usual: Callable[[], Any]) -> Any:
    """Too many requests."""
    raise ApiError(429, "rejected_execution_exception", "rejected execution of coordinating operation")


def done_and_unavailable(request: Request, usual: Callable[[], Any]) -> Any:
    """It is done, and an error is said."""
    usual()
    raise ApiError(502, "bad_gateway", "upstream closed the connection")


class LocalServer:
    """A server on a free port; a context."""

    def __init__(self, cluster: Cluster | None = None) -> None:
        self.cluster = cluster or Cluster()
        self.log: list[Request] = []
        self.faults: dict[int, Fault] = {}
        self.n_writes = 0
        self.n_requests = 0
        self._port = 0
        self._http: _Quiet | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def plan(self, faults: dict[int, Fault]) -> None:
        """What goes wrong from now on, by number of the writing request."""
        self.n_writes, self.faults = 0, faults

    def __enter__(self) -> LocalServer:
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

    def answer(self, request: Request) -> tuple[int, Any]:
        self.log.append(request)
        self.n_requests += 1

        def usual() -> Any:
            return self.cluster.answer(request)

        try:
            fault = None
            if is_writing(request):
                fault = self.faults.get(self.n_writes)
                self.n_writes += 1
            return 200, usual() if fault is None else fault(request, usual)
        except ApiError as e:
            return e.status, e.body()


def is_writing(request: Request) -> bool:
    """Whether a request changes documents."""
    return request.path.endswith("/_bulk") or (request.method == "PUT" and "/_doc/" in request.path)


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.connections: set[socket.socket] = set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that the other side ended."""


def _handler(server: LocalServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

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
            request = Request(self.command, unquote(parts.path), parameters, body, headers)
            try:
                status, said = server.answer(request)
            except Dropped:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if isinstance(said, bool):
                status, data = (200 if said else 404), b""
            elif status == 401:
                data = b"Unauthorized"
            else:
                data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header(
                "Content-Type", "text/plain" if status == 401 else "application/json; charset=UTF-8"
            )
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _answer

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler
