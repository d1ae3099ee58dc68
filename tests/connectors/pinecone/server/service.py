"""An index, its users, and what each request does."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.connectors.loopback import Refusal, Reply, Request
from tests.connectors.pinecone.server.space import Copy, Row, Space, check_metadata, checked, refused

_MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class User:
    """Who has a key, and whether the role may write."""

    may_write: bool = True


def unavailable(request: Request, usual: Callable[[], Any]) -> Any:
    """A bad moment."""
    raise refused("service unavailable", 503)


def limited(request: Request, usual: Callable[[], Any]) -> Any:
    """Too many requests."""
    said = "You've reached the max upsert requests limit per namespace"
    raise Refusal(429, {"code": 8, "message": said, "details": []}, {"Retry-After": "0.01"})


def done_and_unavailable(request: Request, usual: Callable[[], Any]) -> Any:
    """It is done, and an error is said."""
    usual()
    raise Refusal(502, b"upstream connect error")


class Pinecone:
    """All state, behind one lock."""

    def __init__(self, dimension: int, *, metric: str = "dotproduct") -> None:
        self.dimension, self.metric = dimension, metric
        self.spaces: dict[str, Space] = {}
        self.users: dict[str, User] = {}
        self.is_lagging = True
        self.lock = threading.RLock()

    def is_writing(self, request: Request) -> bool:
        """Whether it changes records or the record of commits."""
        if request.path == "/vectors/update":
            return b'"dryRun"' not in request.body
        is_made = request.method == "POST" and request.path == "/namespaces"
        return is_made or request.path in ("/vectors/upsert", "/vectors/delete")

    def answer(self, request: Request) -> Any:
        """What a request gives."""
        with self.lock:
            self._log_in(request)
            if request.headers.get("x-pinecone-api-version") != "2025-10":
                raise refused("X-Pinecone-Api-Version is required")
            for method, pattern, known, handler in _ROUTES:
                found = re.fullmatch(pattern, request.path)
                if found and method == request.method:
                    body = _json(request)
                    if (set(body) | set(request.parameters)) - known:
                        raise refused(f"unknown: {sorted((set(body) | set(request.parameters)) - known)}")
                    return handler(self, request, body, *found.groups())
        raise Refusal(404, b"Not Found")

    def _log_in(self, request: Request) -> None:
        if not self.users:
            return
        key = request.headers.get("api-key", "")
        if key not in self.users:
            raise Refusal(401, b"Unauthorized")
        is_dry = request.path == "/vectors/update" or self.is_writing(request) or request.method == "DELETE"
        if is_dry and not self.users[key].may_write:
            raise refused("Forbidden: the role of this key may not write", 403)

    def _space(self, name: str) -> Space:
        if name not in self.spaces:
            raise refused(f"Namespace not found: {name}", 404)
        return self.spaces[name]

    # --- namespaces -------------------------------------------------------------------------------

    def stats(self, request: Request, body: dict[str, Any]) -> Any:
        counts = {name: {"vectorCount": len(space.newest())} for name, space in self.spaces.items()}
        total = sum(told["vectorCount"] for told in counts.values())
        told = {"dimension": self.dimension, "metric": self.metric, "vectorType": "dense"}
        return {**told, "namespaces": counts, "indexFullness": 0, "totalVectorCount": total}

    def make(self, request: Request, body: dict[str, Any]) -> Any:
        if body["name"] in self.spaces:
            raise refused(f"Namespace {body['name']} already exists", 409)
        fields = (body.get("schema") or {"fields": None})["fields"]
        if fields is not None and any(said != {"filterable": True} for said in fields.values()):
            raise refused("only filterable: true is supported")
        self.spaces[body["name"]] = Space(fields)
        return self._told(body["name"])

    def list(self, request: Request, body: dict[str, Any]) -> Any:
        names = sorted(n for n in self.spaces if n.startswith(request.parameters.get("prefix", "")))
        first = int(request.parameters.get("paginationToken", 0))
        last = first + min(int(request.parameters.get("limit", 100)), 100)
        page = {"namespaces": [self._told(name) for name in names[first:last]]}
        return {**page, "pagination": {"next": str(last)}} if last < len(names) else page

    def describe(self, request: Request, body: dict[str, Any], name: str) -> Any:
        self._space(name)
        return self._told(name)

    def drop(self, request: Request, body: dict[str, Any], name: str) -> Any:
        self._space(name)
        del self.spaces[name]
        return {}

    def _told(self, name: str) -> dict[str, Any]:
        space = self.spaces[name]
        told = {"name": name, "record_count": len(space.newest())}
        return told if space.fields is None else {**told, "schema": {"fields": space.fields}}

    # --- writing ----------------------------------------------------------------------------------

    def upsert(self, request: Request, body: dict[str, Any]) -> Any:
        if len(request.body) > 2 * 1024 * 1024:
            raise refused("Request size 2MB exceeded the maximum supported size")
        made = checked(body["vectors"], self.dimension)
        space = self.spaces.setdefault(body["namespace"], Space(None))

        def change(rows: dict[str, Row]) -> None:
            rows.update({one["id"]: {**one, "metadata": dict(one["metadata"])} for one in made})

        return self._done(space.write(change), {"upsertedCount": len(made)})

    def update(self, request: Request, body: dict[str, Any]) -> Any:
        space = self._space(body["namespace"])
        check_metadata(body["setMetadata"])
        if body.get("dryRun"):
            copy = space.fetcher(is_lagging=self.is_lagging)
            n = sum(space.holds(body["filter"], row) for row in copy.rows.values())
            return {"matchedRecords": n}
        matched = sum(space.holds(body["filter"], row) for row in space.newest().values())

        def change(rows: dict[str, Row]) -> None:
            for identity, row in list(rows.items()):
                if space.holds(body["filter"], row):
                    rows[identity] = {**row, "metadata": {**row["metadata"], **body["setMetadata"]}}

        return self._done(space.write(change), {"matchedRecords": matched})

    def remove(self, request: Request, body: dict[str, Any]) -> Any:
        space, ids = self._space(body["namespace"]), body["ids"]
        if not 1 <= len(ids) <= 1000:
            raise refused("ids: 1 to 1,000")

        def change(rows: dict[str, Row]) -> None:
            for identity in ids:
                rows.pop(identity, None)

        return self._done(space.write(change), {})

    # --- reading ----------------------------------------------------------------------------------

    def fetch(self, request: Request, body: dict[str, Any]) -> Any:
        ids = request.lists["ids"]
        if len(ids) > 1000:
            raise refused("ids: at most 1,000")
        copy = self._space(request.parameters["namespace"]).fetcher(is_lagging=self.is_lagging)
        found = {identity: copy.rows[identity] for identity in ids if identity in copy.rows}
        return {"vectors": found, "namespace": request.parameters["namespace"]}

    def fetch_by_metadata(self, request: Request, body: dict[str, Any]) -> Any:
        space = self._space(body["namespace"])
        copy = space.fetcher(is_lagging=self.is_lagging)
        after, limit = body.get("paginationToken", ""), body.get("limit", 100)
        found = sorted(
            identity for identity, row in copy.rows.items()
            if identity > after and space.holds(body["filter"], row)
        )  # fmt: skip
        page = {"vectors": {identity: copy.rows[identity] for identity in found[:limit]}}
        return {**page, "pagination": {"next": found[limit - 1]}} if len(found) > limit else page

    def query(self, request: Request, body: dict[str, Any]) -> Any:
        space = self._space(body["namespace"])
        if not 1 <= body["topK"] <= 10_000:
            raise refused("topK must be between 1 and 10000")
        if len(body["vector"]) != self.dimension:
            raise refused("Query vector dimension does not match the dimension of the index")
        copy, asked = (
            space.next_copy(is_lagging=self.is_lagging),
            np.asarray(body["vector"], dtype=np.float32),
        )
        wanted = body.get("filter")
        rows = [row for row in copy.rows.values() if wanted is None or space.holds(wanted, row)]
        scored = [(float(np.dot(np.asarray(row["values"], dtype=np.float32), asked)), row) for row in rows]
        scored.sort(key=lambda pair: -pair[0])
        matches = [_match(score, row, body) for score, row in scored[: body["topK"]]]
        if len(json.dumps(matches)) > _MOST_BYTES:
            raise refused("the result size of 4MB is exceeded")
        return self._read(copy, {"matches": matches, "namespace": body["namespace"]})

    def _done(self, number: int, said: Any) -> Reply:
        return Reply(said, headers={"x-pinecone-request-lsn": str(number)})

    def _read(self, copy: Copy, said: Any) -> Reply:
        return Reply(said, headers={"x-pinecone-max-indexed-lsn": str(copy.lsn)})


def _match(score: float, row: Row, body: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"id": row["id"], "score": score, "values": []}
    if body.get("includeValues"):
        told["values"] = row["values"]
    return {**told, "metadata": row["metadata"]} if body.get("includeMetadata") else told


def _json(request: Request) -> dict[str, Any]:
    try:
        found = json.loads(request.body or b"{}")
    except ValueError as e:
        raise refused(f"Invalid JSON: {e}") from e
    assert isinstance(found, dict)
    return found


_NAME, _NONE = r"/namespaces/([A-Za-z0-9_.-]+)", set[str]()
_ROUTES: list[tuple[str, str, set[str], Callable[..., Any]]] = [
    ("POST", "/describe_index_stats", {"filter"}, Pinecone.stats),
    ("POST", "/namespaces", {"name", "schema"}, Pinecone.make),
    ("GET", "/namespaces", {"limit", "paginationToken", "prefix"}, Pinecone.list),
    ("GET", _NAME, _NONE, Pinecone.describe),
    ("DELETE", _NAME, _NONE, Pinecone.drop),
    ("POST", "/vectors/upsert", {"vectors", "namespace"}, Pinecone.upsert),
    ("POST", "/vectors/update", {"filter", "setMetadata", "namespace", "dryRun"}, Pinecone.update),
    ("POST", "/vectors/delete", {"ids", "namespace"}, Pinecone.remove),
    ("GET", "/vectors/fetch", {"ids", "namespace"}, Pinecone.fetch),
    ("POST", "/vectors/fetch_by_metadata", {"filter", "limit", "namespace", "paginationToken"},
     Pinecone.fetch_by_metadata),
    ("POST", "/query", {"vector", "topK", "filter", "namespace", "includeValues", "includeMetadata"},
     Pinecone.query),
]  # fmt: skip
