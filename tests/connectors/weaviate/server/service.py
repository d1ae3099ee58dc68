"""A server's state, its users, and what each request does."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.connectors.loopback import Refusal, Reply, Request
from tests.connectors.weaviate.server import search
from tests.connectors.weaviate.server.collection import MOST_HITS, Collection, refused

VERSION = "1.33.4"
READ = ("read_collections", "read_data", "read_tenants")
ALL = (*READ, "create_collections", "delete_collections", "create_data", "update_data", "delete_data",
       "create_tenants", "read_nodes")  # fmt: skip
ItemFault = Callable[[int, dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class User:
    """Who has a key, and what the role may."""

    may: tuple[str, ...] = ALL


def unavailable(request: Request, usual: Callable[[], Any]) -> Any:
    """A bad moment."""
    raise refused("leader not found", 503)


def limited(request: Request, usual: Callable[[], Any]) -> Any:
    """Too many requests."""
    raise Refusal(429, {"error": [{"message": "429 Too many requests"}]}, {"Retry-After": "0.01"})


def done_and_unavailable(request: Request, usual: Callable[[], Any]) -> Any:
    """It is done, and an error is said."""
    usual()
    raise Refusal(502, b"<html>bad gateway</html>")


class Weaviate:
    """All state, behind one lock."""

    def __init__(self, *, version: str = VERSION) -> None:
        self.version = version
        self.collections: dict[str, Collection] = {}
        self.users: dict[str, User] = {}
        self.forgets = False
        self.is_asynchronous = False
        self.item_fault: ItemFault | None = None
        self.lock = threading.RLock()

    def is_writing(self, request: Request) -> bool:
        """Whether it changes objects or the record of commits."""
        if request.path.startswith("/v1/objects/") or request.path == "/v1/batch/objects":
            return True
        return request.method == "POST" and request.path == "/v1/schema"

    def answer(self, request: Request) -> Any:
        """What a request gives."""
        with self.lock:
            may = self._log_in(request)
            for method, pattern, needed, known, handler in _ROUTES:
                found = re.fullmatch(pattern, request.path)
                if found is None or method != request.method:
                    continue
                if needed and needed not in may:
                    name = request.headers["authorization"].removeprefix("Bearer ")
                    raise refused(f"rbac: authorization, forbidden action: user '{name}' has insufficient "
                                  f"permissions to {needed}", 403)  # fmt: skip
                if set(request.parameters) - known:
                    raise refused(f"unknown parameters {sorted(set(request.parameters) - known)}")
                return handler(self, request, *found.groups())
        raise Refusal(404, b"path not found")

    def _log_in(self, request: Request) -> tuple[str, ...]:
        if not self.users:
            return ALL
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key not in self.users:
            said = "anonymous access not enabled" if not key else "unauthorized: invalid api key"
            raise Refusal(401, {"code": 401, "message": said})
        return self.users[key].may

    def _of(self, name: str) -> Collection:
        if name not in self.collections:
            raise Refusal(404, None)
        return self.collections[name]

    # --- the schema -------------------------------------------------------------------------------

    def meta(self, request: Request) -> Any:
        return {"hostname": "http://[::]:8080", "version": self.version, "modules": {"stand-in": {}}}

    def list(self, request: Request) -> Any:
        return {"classes": [collection.config for collection in self.collections.values()]}

    def read(self, request: Request, name: str) -> Any:
        return self._of(name).config

    def create(self, request: Request) -> Any:
        made = Collection(_json(request))
        for name in self.collections:
            if name.lower() == made.name.lower():
                same = f"class name {made.name} already exists"
                raise refused(same if name == made.name else f"{same}: found similar class {name!r}")
        self.collections[made.name] = made
        return made.config

    def drop(self, request: Request, name: str) -> Any:
        self.collections.pop(name, None)
        return Reply(None)

    def tenants(self, request: Request, name: str) -> Any:
        return [{"name": t, "activityStatus": "HOT"} for t in self._of(name).tenants if t is not None]

    def tenant(self, request: Request, name: str, tenant: str) -> Any:
        if tenant not in self._of(name).tenants:
            raise refused(f"tenant '{tenant}' not found when it should have been on class '{name}'", 404)
        return {"name": tenant, "activityStatus": "HOT"}

    def add_tenants(self, request: Request, name: str) -> Any:
        collection, given = self._of(name), _json(request)
        if not collection.has_tenants:
            raise refused(f"multi-tenancy is not enabled for class '{name}'")
        for tenant in given:
            if re.fullmatch("[A-Za-z0-9_-]{1,64}", tenant["name"]) is None:
                raise refused(f"'{tenant['name']}' is not a valid tenant name")
        for tenant in given:
            collection.tenants.setdefault(tenant["name"], {})
        return given

    def nodes(self, request: Request, name: str) -> Any:
        if request.parameters.get("output") != "verbose":
            return {"nodes": [{"name": "node1", "status": "HEALTHY", "shards": None}]}
        collection = self._of(name)
        n = len(collection.waiting)
        shard = {"class": name, "name": "x", "objectCount": len(collection.objects), "vectorQueueLength": n,
                 "vectorIndexingStatus": "INDEXING" if n else "READY"}  # fmt: skip
        for identity in list(collection.waiting)[: max(1, n // 2)]:
            collection.waiting.discard(identity)
        return {"nodes": [{"name": "node1", "status": "HEALTHY", "shards": [shard]}]}

    # --- objects ----------------------------------------------------------------------------------

    def put(self, request: Request) -> Any:
        body = _json(request)
        return [self._item(n, one) for n, one in enumerate(body["objects"])]

    def _item(self, n: int, one: dict[str, Any]) -> dict[str, Any]:
        fault = self.item_fault and self.item_fault(n, one)
        told = {"class": one["class"], "id": one["id"]}
        try:
            if isinstance(fault, Refusal):
                raise fault
            if fault != "lie":
                self._guessed(one).put(one, is_queued=self.is_asynchronous)
        except Refusal as e:
            return {**told, "result": {"status": "FAILED", "errors": e.reply.said}}
        return {**told, "result": {"status": "SUCCESS"}}

    def _guessed(self, one: dict[str, Any]) -> Collection:
        """The collection of an object; the schema of one that is not there is guessed."""
        name = one["class"]
        if name not in self.collections:
            self.collections[name] = Collection({"class": name})
            self.collections[name].is_guessed = True
        return self.collections[name]

    def merge(self, request: Request, name: str, identity: str) -> Any:
        self._of(name).merge(identity, _json(request))
        return Reply(None, 204)

    def remove(self, request: Request, name: str, identity: str) -> Any:
        if self._of(name).of(request.parameters.get("tenant")).pop(identity, None) is None:
            raise Refusal(404, None)
        return Reply(None, 204)

    def remove_many(self, request: Request) -> Any:
        body = _json(request)
        if set(body) - {"match", "output", "dryRun"} or set(body["match"]) != {"class", "where"}:
            raise refused("batch delete: unknown keys")
        collection, tenant = self._of(body["match"]["class"]), request.parameters.get("tenant")
        found = search.matching(collection, body["match"]["where"], tenant)
        for one in found[:MOST_HITS]:
            del collection.of(tenant)[one["id"]]
        n = min(len(found), MOST_HITS)
        results = {"matches": n, "limit": MOST_HITS, "successful": n, "failed": 0, "objects": None}
        return {"match": body["match"], "output": body["output"], "dryRun": False, "results": results}

    # --- questions --------------------------------------------------------------------------------

    def query(self, request: Request) -> Any:
        return self._answered(_json(request))

    def queries(self, request: Request) -> Any:
        return [self._answered(one) for one in _json(request)]

    def _answered(self, body: dict[str, Any]) -> Any:
        if set(body) - {"query", "operationName", "variables"}:
            raise refused("graphql: unknown keys")
        try:
            return {"data": search.answer(body["query"], self.collections, forgets=self.forgets)}
        except Refusal as e:
            said = e.reply.said["error"][0]["message"]
            return {"data": None, "errors": [{"message": said, "locations": [], "path": ["Get"]}]}


def _json(request: Request) -> Any:
    try:
        return json.loads(request.body)
    except ValueError as e:
        raise refused(f'parsing body from "" failed, because {e}', 400) from e


_NAME, _NONE, _LEVEL = "([A-Za-z0-9_]+)", set[str](), {"consistency_level", "tenant"}
_ROUTES: list[tuple[str, str, str, set[str], Callable[..., Any]]] = [
    ("GET", "/v1/meta", "", _NONE, Weaviate.meta),
    ("GET", "/v1/schema", "read_collections", _NONE, Weaviate.list),
    ("POST", "/v1/schema", "create_collections", _NONE, Weaviate.create),
    ("GET", f"/v1/schema/{_NAME}", "read_collections", _NONE, Weaviate.read),
    ("DELETE", f"/v1/schema/{_NAME}", "delete_collections", _NONE, Weaviate.drop),
    ("GET", f"/v1/schema/{_NAME}/tenants", "read_tenants", _NONE, Weaviate.tenants),
    ("POST", f"/v1/schema/{_NAME}/tenants", "create_tenants", _NONE, Weaviate.add_tenants),
    ("GET", f"/v1/schema/{_NAME}/tenants/([A-Za-z0-9_-]+)", "read_tenants", _NONE, Weaviate.tenant),
    ("GET", f"/v1/nodes/{_NAME}", "read_nodes", {"output"}, Weaviate.nodes),
    ("POST", "/v1/batch/objects", "create_data", _LEVEL, Weaviate.put),
    ("DELETE", "/v1/batch/objects", "delete_data", _LEVEL, Weaviate.remove_many),
    ("PATCH", f"/v1/objects/{_NAME}/([0-9a-f-]+)", "update_data", _LEVEL, Weaviate.merge),
    ("DELETE", f"/v1/objects/{_NAME}/([0-9a-f-]+)", "delete_data", _LEVEL, Weaviate.remove),
    ("POST", "/v1/graphql", "read_data", _NONE, Weaviate.query),
    ("POST", "/v1/graphql/batch", "read_data", _NONE, Weaviate.queries),
]
