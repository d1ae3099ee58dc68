"""A cluster: its indexes, users and plugins, and what each request does."""

from __future__ import annotations

import base64
import json
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.connectors.loopback import Request
from tests.connectors.opensearch.server.errors import ApiError, bad, forbidden, no_index
from tests.connectors.opensearch.server.index import Doc, Index
from tests.connectors.opensearch.server.search import Searcher

VERSION = "2.19.0"
_INDEX = re.compile(r"[^A-Z\\/*?\"<>| ,#:]+")
_ITEM_KEYS = {"_index", "_id", "routing", "if_seq_no", "if_primary_term", "require_alias"}
_MSEARCH_KEYS = {"index", "routing", "preference", "allow_partial_search_results"}
READ, WRITE, MANAGE = "indices:data/read", "indices:data/write", "indices:admin"


@dataclass(frozen=True, slots=True)
class User:
    """Who may log in.

    Args:
        may: beginnings of the actions that are allowed.
        dls: for each index, the query for what may be seen.
    """

    password: str
    may: tuple[str, ...] = (READ, WRITE, MANAGE, "cluster:monitor", "indices:monitor")
    dls: dict[str, Any] = field(default_factory=dict)


class Cluster:
    """All state, behind one lock."""

    def __init__(self, *, version: str = VERSION, plugins: tuple[str, ...] = ("opensearch-knn",)) -> None:
        self.version, self.plugins = version, set(plugins)
        self.indexes: dict[str, Index] = {}
        self.pits: dict[str, tuple[Index, dict[str, Doc], str | None]] = {}
        self.users: dict[str, User] = {}
        self.forgets = False
        self.item_fault: Callable[[int, str, dict[str, Any]], ApiError | str | None] | None = None
        self.lock = threading.RLock()

    @staticmethod
    def is_writing(request: Request) -> bool:
        """Whether a request changes documents."""
        return request.path.endswith("/_bulk") or (request.method == "PUT" and "/_doc/" in request.path)

    def answer(self, request: Request) -> Any:
        """What a request gives; `True` or `False` for one that only asks whether something is there."""
        with self.lock:
            self._log_in(request)
            path = request.path.strip("/")
            for method, pattern, handler in _ROUTES:
                found = re.fullmatch(pattern, path)
                if found and method == request.method:
                    return handler(self, request, *found.groups())
        raise bad(f"no handler found for uri [/{path}] and method [{request.method}]")

    # --- users ------------------------------------------------------------------------------------

    def _log_in(self, request: Request) -> None:
        if not self.users:
            return
        kind, _, code = request.headers.get("authorization", "").partition(" ")
        name, _, password = (
            base64.b64decode(code).decode().partition(":") if kind == "Basic" else ("", "", "")
        )
        if name not in self.users or self.users[name].password != password:
            raise ApiError(401, "unauthorized", "Unauthorized")
        request.user = name

    def _allow(self, request: Request, action: str) -> None:
        if self.users and not action.startswith(self.users[request.user].may):
            raise forbidden(action, request.user)

    def _hidden(self, request: Request, index: Index) -> Any:
        return self.users[request.user].dls.get(index.name) if self.users else None

    # --- the cluster ------------------------------------------------------------------------------

    def info(self, request: Request) -> Any:
        self._allow(request, "cluster:monitor/main")
        return {
            "name": "node-1", "cluster_name": "local", "cluster_uuid": "stand-in",
            "version": {"distribution": "opensearch", "number": self.version, "build_type": "stand-in",
                        "lucene_version": "9.12.1", "minimum_wire_compatibility_version": "7.10.0"},
            "tagline": "The OpenSearch Project: https://opensearch.org/",
        }  # fmt: skip

    def list_plugins(self, request: Request) -> Any:
        _only(request, "format", "h")
        self._allow(request, "cluster:monitor/nodes/info")
        return [{"component": name} for name in sorted(self.plugins)]

    # --- indexes ----------------------------------------------------------------------------------

    def has(self, request: Request, name: str) -> Any:
        self._allow(request, f"{MANAGE}/exists")
        return name in self.indexes

    def create(self, request: Request, name: str) -> Any:
        _only(request, "wait_for_active_shards", "timeout")
        self._allow(request, f"{MANAGE}/create")
        if _INDEX.fullmatch(name) is None or name[0] in "_-+":
            raise bad(f"Invalid index name [{name}], must be lowercase", "invalid_index_name_exception")
        if name in self.indexes:
            raise bad(f"index [{name}/x] already exists", "resource_already_exists_exception")
        self.indexes[name] = Index(name, _json(request), self.plugins)
        return {"acknowledged": True, "shards_acknowledged": True, "index": name}

    def drop(self, request: Request, names: str) -> Any:
        _only(request, "ignore_unavailable")
        self._allow(request, f"{MANAGE}/delete")
        for name in names.split(","):
            if name in self.indexes or request.parameters.get("ignore_unavailable") != "true":
                self._index(name)
            self.indexes.pop(name, None)
        return {"acknowledged": True}

    def mapping(self, request: Request, name: str) -> Any:
        _only(
            request,
        )
        self._allow(request, f"{MANAGE}/mappings/get")
        return {name: {"mappings": self._index(name).mappings}}

    def add_fields(self, request: Request, name: str) -> Any:
        _only(
            request,
        )
        self._allow(request, f"{MANAGE}/mapping/put")
        self._index(name).add_fields(_json(request), self.plugins)
        return {"acknowledged": True}

    def settings(self, request: Request, name: str) -> Any:
        _only(request, "flat_settings")
        self._allow(request, f"{MANAGE}/settings/get")
        return {name: {"settings": {f"index.{k}": _text(v) for k, v in self._index(name).settings.items()}}}

    def stats(self, request: Request, names: str) -> Any:
        _only(
            request,
        )
        self._allow(request, "indices:monitor/stats")
        size = sum(len(d.source) for name in names.split(",") for d in self._index(name).docs.values())
        return {"_shards": _WELL, "_all": {"primaries": {"store": {"size_in_bytes": size}}}}

    def refresh(self, request: Request, names: str) -> Any:
        _only(request, "ignore_unavailable")
        self._allow(request, f"{MANAGE}/refresh")
        for index in [self._index(name) for name in names.split(",")]:
            index.refresh()
        return {"_shards": _WELL}

    def _index(self, name: str) -> Index:
        if name not in self.indexes:
            raise no_index(name)
        return self.indexes[name]

    # --- documents --------------------------------------------------------------------------------

    def get(self, request: Request, name: str, identity: str) -> Any:
        _only(request, "preference", "routing", "_source", "realtime")
        self._allow(request, f"{READ}/get")
        index = self._index(name)
        doc = index.find(identity, request.parameters.get("routing"))
        hidden = self._hidden(request, index)
        if (
            doc
            and hidden is not None
            and not Searcher(index, {identity: doc}, None, hidden, self.plugins, False).docs
        ):
            doc = None
        if doc is None:
            raise _Absent({"_index": name, "_id": identity, "found": False})
        out = {"_index": name, "_id": identity, "_version": doc.version, "_seq_no": doc.seq_no}
        out |= {"_primary_term": 1, "found": True}
        return out if request.parameters.get("_source") == "false" else {**out, "_source": doc.read()}

    def put(self, request: Request, name: str, identity: str) -> Any:
        _only(request, "if_seq_no", "if_primary_term", "routing", "refresh")
        self._allow(request, f"{WRITE}/index")
        target = {"_id": identity, **request.parameters}
        done = self._writable(name).apply("index", target, _json(request))
        return {key: value for key, value in done.items() if key != "status"}

    def bulk(self, request: Request) -> Any:
        _only(request, "refresh", "timeout")
        self._allow(request, f"{WRITE}/bulk")
        if not request.body.endswith(b"\n"):
            raise bad("The bulk request must be terminated by a newline [\\n]")
        lines, results = iter(request.body.split(b"\n")[:-1]), []
        for n, line in enumerate(lines):
            action, target = _action_of(line)
            body = None if action == "delete" else json.loads(next(lines))
            results.append({action: self._item(n, action, target, body)})
        return {"took": 1, "errors": any("error" in r for x in results for r in x.values()), "items": results}

    def _item(self, n: int, action: str, target: dict[str, Any], body: Any) -> dict[str, Any]:
        told = {"_index": target["_index"], "_id": target["_id"]}
        fault = self.item_fault and self.item_fault(n, action, target)
        try:
            if isinstance(fault, ApiError):
                raise fault
            if fault == "lie":
                return {**told, "status": 201, "result": "created"}
            return self._writable(target["_index"]).apply(action, target, body)
        except ApiError as e:
            return {**told, "status": e.status, "error": e.cause()}

    def _writable(self, name: str) -> Index:
        # Writing to a name that is none makes an index, as the real server does.
        if name not in self.indexes:
            self.indexes[name] = Index(name, {"mappings": {"dynamic": "true"}}, self.plugins)
        return self.indexes[name]

    # --- searches ---------------------------------------------------------------------------------

    def count(self, request: Request, name: str) -> Any:
        _only(request, "routing", "preference")
        self._allow(request, f"{READ}/search")
        return {"count": self._searcher(request, name).count(_json(request)), "_shards": _WELL}

    def search(self, request: Request, name: str | None = None) -> Any:
        self._allow(request, f"{READ}/search")
        body = _json(request)
        pit = body.get("pit")
        if name is not None:
            _only(request, "routing", "preference", "allow_partial_search_results")
            if pit is not None:
                raise bad(
                    "[indices] cannot be used with point in time", "action_request_validation_exception"
                )
            return self._searcher(request, name).search(body)
        _only(request, "allow_partial_search_results")
        if pit is None or set(pit) - {"id", "keep_alive"}:
            raise AssertionError("searches without an index need a point in time here")
        if pit["id"] not in self.pits:
            raise ApiError(
                404, "search_context_missing_exception", f"No search context found for id [{pit['id']}]"
            )
        index, shown, routing = self.pits[pit["id"]]
        hidden = self._hidden(request, index)
        found = Searcher(index, shown, routing, hidden, self.plugins, self.forgets).search(body)
        return {"pit_id": pit["id"], **found}

    def search_several(self, request: Request) -> Any:
        _only(
            request,
        )
        self._allow(request, f"{READ}/msearch")
        if not request.body.endswith(b"\n"):
            raise bad("The msearch request must be terminated by a newline [\\n]")
        lines, responses = iter(request.body.split(b"\n")[:-1]), []
        for line in lines:
            header, body = json.loads(line), next(lines)
            try:
                for key in header:
                    if key not in _MSEARCH_KEYS:
                        raise bad(f"key [{key}] is not supported in the metadata section")
                parameters = {"routing": header["routing"]} if "routing" in header else {}
                one = Request("POST", request.path, parameters, body, request.headers, user=request.user)
                responses.append({**self._searcher(one, header["index"]).search(_json(one)), "status": 200})
            except ApiError as e:
                responses.append(e.body())
        return {"took": 1, "responses": responses}

    def open_pit(self, request: Request, name: str) -> Any:
        _only(
            request, "keep_alive", "routing", "preference", "allow_partial_pit_creation", "expand_wildcards"
        )
        self._allow(request, f"{READ}/point_in_time/create")
        if not re.fullmatch(r"\d+[smhd]", request.parameters.get("keep_alive", "")):
            raise bad("keep_alive not specified", "action_request_validation_exception")
        index, identity = self._index(name), uuid.uuid4().hex
        self.pits[identity] = (index, dict(index.shown), request.parameters.get("routing"))
        return {"pit_id": identity, "_shards": _WELL, "creation_time": 0}

    def close_pits(self, request: Request) -> Any:
        given = _json(request)["pit_id"]
        return {"pits": [{"pit_id": p, "successful": self.pits.pop(p, None) is not None} for p in given]}

    def _searcher(self, request: Request, name: str) -> Searcher:
        index = self._index(name)
        hidden = self._hidden(request, index)
        routing = request.parameters.get("routing")
        return Searcher(index, index.shown, routing, hidden, self.plugins, self.forgets)


class _Absent(ApiError):
    """A document that is not there: 404, with a body of its own."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.said = said
        super().__init__(404, "", "")

    def body(self) -> dict[str, Any]:
        return self.said


def _action_of(line: bytes) -> tuple[str, dict[str, Any]]:
    try:
        ((action, target),) = json.loads(line).items()
    except (ValueError, AttributeError) as e:
        raise bad(f"Malformed action/metadata line: {e}") from e
    if action not in ("create", "index", "update", "delete"):
        raise bad(
            f"Malformed action/metadata line [1], expected field [create], [delete], "
            f"[index] or [update] but found [{action}]"
        )
    for key in target:
        if key not in _ITEM_KEYS:
            raise bad(f"Action/metadata line [1] contains an unknown parameter [{key}]")
    return action, target


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_WELL = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
_NAME = r"([^/_][^/]*)"
_ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("GET", "", Cluster.info),
    ("GET", "_cat/plugins", Cluster.list_plugins),
    ("POST", "_bulk", Cluster.bulk),
    ("POST", "_search", Cluster.search),
    ("POST", "_msearch", Cluster.search_several),
    ("DELETE", "_search/point_in_time", Cluster.close_pits),
    ("HEAD", _NAME, Cluster.has),
    ("PUT", _NAME, Cluster.create),
    ("DELETE", _NAME, Cluster.drop),
    ("GET", f"{_NAME}/_mapping", Cluster.mapping),
    ("PUT", f"{_NAME}/_mapping", Cluster.add_fields),
    ("GET", f"{_NAME}/_settings", Cluster.settings),
    ("GET", f"{_NAME}/_stats/store", Cluster.stats),
    ("POST", f"{_NAME}/_refresh", Cluster.refresh),
    ("GET", f"{_NAME}/_doc/([^/]+)", Cluster.get),
    ("PUT", f"{_NAME}/_doc/([^/]+)", Cluster.put),
    ("POST", f"{_NAME}/_count", Cluster.count),
    ("POST", f"{_NAME}/_search", Cluster.search),
    ("POST", f"{_NAME}/_search/point_in_time", Cluster.open_pit),
]


def _json(request: Request) -> dict[str, Any]:
    try:
        parsed = json.loads(request.body or b"{}")
        request.body.decode()
    except ValueError as e:
        raise bad(f"Failed to parse content to map: {e}", "parse_exception") from e
    if not isinstance(parsed, dict):
        raise bad("Expected an object", "parse_exception")
    return parsed


def _only(request: Request, *known: str) -> None:
    for name in request.parameters:
        if name not in known:
            raise bad(f"request [{request.path}] contains unrecognized parameter: [{name}]")
