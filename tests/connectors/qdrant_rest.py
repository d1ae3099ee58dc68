"""Qdrant's engine behind the REST calls of a server, on this machine: `qdrant_client` takes it for one.

    python -m tests.connectors.qdrant_rest            # prints its URL; ends with its standard input

The engine (package qdrant-edge-py) is what a server's shard is made of, and what the client sends and reads
is the client's own. Authentication, replication and the server's optimizer are not there.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from pydantic import TypeAdapter
from qdrant_client import models

from tests.connectors.apart import said_by
from tests.connectors.qdrant_edge_client import EdgeClient

_SELECTOR: TypeAdapter[Any] = TypeAdapter(models.PointsSelector)
_COLLECTION = re.compile(r"/collections/([^/?]+)(/[^?]*)?(?:\?.*)?")
_HNSW = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000}
_OPTIMIZER = {
    "deleted_threshold": 0.2,
    "vacuum_min_vector_number": 1000,
    "default_segment_number": 0,
    "flush_interval_sec": 5,
}


class Calls:
    """What a server answers, by method and path below the collection; each gives a result for JSON."""

    def __init__(self) -> None:
        self.engine = EdgeClient()
        self._routes: dict[tuple[str, str], Callable[[str, bytes], Any]] = {
            ("GET", "/exists"): lambda name, _: {"exists": self.engine.collection_exists(name)},
            ("PUT", ""): self._create,
            ("GET", ""): self._told,
            ("DELETE", ""): lambda name, _: self.engine.delete_collection(name),
            ("PUT", "/index"): self._index,
            ("PUT", "/points"): self._upsert,
            ("POST", "/points/payload"): self._set_payload,
            ("POST", "/points/delete"): self._delete,
            ("POST", "/points"): self._retrieve,
            ("POST", "/points/count"): self._count,
            ("POST", "/points/scroll"): self._scroll,
            ("POST", "/points/query"): self._query,
            ("POST", "/points/query/batch"): self._query_batch,
        }

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Status and result."""
        if path in ("", "/"):
            return 200, {"title": "stand-in", "version": f"{self.engine.info().version}-stand-in"}
        found = _COLLECTION.fullmatch(path)
        route = found and self._routes.get((method, found[2] or ""))
        if found is None or route is None:
            return 404, {"status": {"error": f"{method} {path} is not known here"}, "time": 0.0}
        name = found[1]
        if not self.engine.collection_exists(name) and (method, found[2]) not in (
            ("GET", "/exists"),
            ("PUT", None),
            ("DELETE", None),
        ):
            said = f"Not found: Collection `{name}` doesn't exist!"
            return 404, {"status": {"error": said}, "time": 0.0}
        return 200, {"result": route(name, body), "status": "ok", "time": 0.0}

    def _create(self, name: str, body: bytes) -> bool:
        given = models.CreateCollection.model_validate_json(body)
        assert given.vectors is None or isinstance(given.vectors, dict)
        self.engine.create_collection(name, given.vectors or {}, given.sparse_vectors)
        return True

    def _told(self, name: str, _: bytes) -> Any:
        params = self.engine.params[name]
        vectors = {at: v.model_dump(exclude_none=True) for at, v in params.vectors.items()}
        sparse: dict[str, Any] = {at: {} for at in params.sparse_vectors or {}}
        config = {
            "params": {"vectors": vectors, "sparse_vectors": sparse},
            "hnsw_config": _HNSW,
            "optimizer_config": _OPTIMIZER,
        }
        return {
            "status": "green", "optimizer_status": "ok", "segments_count": 1, "config": config,
            "payload_schema": {},
        }  # fmt: skip

    def _index(self, name: str, body: bytes) -> Any:
        given = models.CreateFieldIndex.model_validate_json(body)
        self.engine.create_payload_index(name, given.field_name, given.field_schema, wait=True)
        return _DONE

    def _upsert(self, name: str, body: bytes) -> Any:
        self.engine.upsert(name, models.PointsList.model_validate_json(body).points, wait=True)
        return _DONE

    def _set_payload(self, name: str, body: bytes) -> Any:
        given = models.SetPayload.model_validate_json(body)
        self.engine.set_payload(name, given.payload, given.filter, wait=True, ordering=None)
        return _DONE

    def _delete(self, name: str, body: bytes) -> Any:
        self.engine.delete(name, _SELECTOR.validate_json(body), wait=True)
        return _DONE

    def _retrieve(self, name: str, body: bytes) -> Any:
        given = models.PointRequest.model_validate_json(body)
        found = self.engine.retrieve(name, given.ids, given.with_payload or False, given.with_vector or False)
        return [_point(point) for point in found]

    def _count(self, name: str, body: bytes) -> Any:
        given = models.CountRequest.model_validate_json(body)
        return {"count": self.engine.count(name, exact=True, count_filter=given.filter).count}

    def _scroll(self, name: str, body: bytes) -> Any:
        given = models.ScrollRequest.model_validate_json(body)
        points, after = self.engine.scroll(
            name,
            given.filter,
            given.limit or 10,
            given.offset,
            given.with_payload,
            given.with_vector or False,
        )
        return {"points": [_point(point) for point in points], "next_page_offset": after and str(after)}

    def _query(self, name: str, body: bytes) -> Any:
        return self._asked(name, [models.QueryRequest.model_validate_json(body)])[0]

    def _query_batch(self, name: str, body: bytes) -> Any:
        return self._asked(name, models.QueryRequestBatch.model_validate_json(body).searches)

    def _asked(self, name: str, requests: list[Any]) -> list[Any]:
        answers = self.engine.query_batch_points(name, requests)
        return [{"points": [_hit(hit) for hit in answer.points]} for answer in answers]


_DONE = {"operation_id": 0, "status": "completed"}


def _point(point: Any) -> dict[str, Any]:
    return {"id": str(point.id), "payload": point.payload, "vector": point.vector}


def _hit(hit: Any) -> dict[str, Any]:
    return {**_point(hit), "version": 0, "score": hit.score}


@contextmanager
def served() -> Iterator[str]:
    """The URL of such a server in this process, for the time of a block."""
    calls = Calls()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # headers and body leave together

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                status, said = calls.answer(self.command, self.path, body)
                sent = json.dumps(said).encode()
            except Exception as e:  # as a server says it
                status, said = 400, {"status": {"error": f"{type(e).__name__}: {e}"}, "time": 0.0}
                sent = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)
            self.wfile.flush()

        do_GET = do_PUT = do_POST = do_DELETE = _handle

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            calls.engine.close()


@contextmanager
def served_apart() -> Iterator[str]:
    """The same in a process of its own, as a server is."""
    with said_by("tests.connectors.qdrant_rest") as url:
        yield url


if __name__ == "__main__":
    with served() as url:
        print(url, flush=True)
        sys.stdin.read()
