"""One index: documents by id, what searches see of them, and their sequence numbers."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any

from tests.connectors.opensearch.server.errors import ApiError, bad, conflict
from tests.connectors.opensearch.server.mapping import check_document, check_mapping

_SETTINGS = {
    "number_of_shards", "number_of_replicas", "knn", "refresh_interval", "replication.type",
    "max_result_window", "knn.derived_source.enabled",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Doc:
    """One version of a document, as JSON and read; nobody changes what was read."""

    source: str
    parsed: dict[str, Any]
    seq_no: int
    version: int
    routing: str | None
    shard: int

    def read(self) -> dict[str, Any]:
        return self.parsed


class Index:
    """Documents as they are, and as searches find them."""

    def __init__(self, name: str, body: dict[str, Any], plugins: set[str]) -> None:
        if set(body) - {"settings", "mappings", "aliases"}:
            raise bad(f"unknown key [{sorted(set(body))[0]}] for create index", "parse_exception")
        self.name = name
        self.settings = _flat(body.get("settings", {}))
        self.mappings: dict[str, Any] = body.get("mappings", {})
        for key in self.settings:
            if key not in _SETTINGS or (key == "knn" and "opensearch-knn" not in plugins):
                raise bad(
                    f"unknown setting [index.{key}] please check that any required plugins are installed"
                )
        check_mapping(self.mappings, plugins, bool(self.settings.get("knn")))
        self.n_shards = int(self.settings.get("number_of_shards", 1))
        self.docs: dict[str, Doc] = {}
        self.shown: dict[str, Doc] = {}
        self.n_operations = 0

    @property
    def fields(self) -> dict[str, Any]:
        out: dict[str, Any] = self.mappings.get("properties", {})
        return out

    def add_fields(self, body: dict[str, Any], plugins: set[str]) -> None:
        """Declares further fields; one that is there stays as it is.

        Raises:
            ApiError: a field is refused, or is there and is another.
        """
        if set(body) - {"properties"}:
            raise bad(
                f"Root mapping definition has unsupported parameters:  {body}", "mapper_parsing_exception"
            )
        check_mapping(body, plugins, bool(self.settings.get("knn")))
        for name, field in body["properties"].items():
            if self.fields.get(name, field) != field:
                raise bad(f"Mapper for [{name}] conflicts with existing mapper")
        self.mappings["properties"] = {**self.fields, **body["properties"]}

    def shard_of(self, identity: str, routing: str | None) -> int:
        return zlib.crc32((routing or identity).encode()) % self.n_shards

    def find(self, identity: str, routing: str | None) -> Doc | None:
        doc = self.docs.get(identity)
        # With the wrong routing, another shard is asked, which does not have it.
        return doc if doc and doc.shard == self.shard_of(identity, routing) else None

    def refresh(self) -> None:
        self.shown = dict(self.docs)

    def apply(self, action: str, target: dict[str, Any], body: Any) -> dict[str, Any]:
        """Does one write and tells what a bulk request tells of it.

        Raises:
            ApiError: it is refused.
        """
        identity, routing = target["_id"], target.get("routing")
        if len(identity.encode()) > 512:
            raise bad(
                f"id [{identity[:20]}…] is too long, must be no longer than 512 bytes",
                "action_request_validation_exception",
            )
        before = self.find(identity, routing)
        self._check_numbers(identity, target, before)
        if action == "delete":
            return self._delete(identity, before)
        if action == "create" and before:
            raise conflict(
                f"[{identity}]: version conflict, document already exists (current version "
                f"[{before.version}])"
            )
        if action == "update":
            if before is None:
                raise ApiError(404, "document_missing_exception", f"[{identity}]: document missing")
            if set(body) - {"doc", "detect_noop"} or not isinstance(body.get("doc"), dict):
                raise bad(
                    f"[UpdateRequest] unknown field [{sorted(set(body))[0]}]", "x_content_parse_exception"
                )
            body = {**before.read(), **body["doc"]}
            if body == before.read():
                return self._told(identity, "noop", 200, before)
        check_document(identity, body, self.mappings)
        self.n_operations += 1
        version = before.version + 1 if before else 1
        shard = self.shard_of(identity, routing)
        source = json.dumps(body)
        doc = Doc(source, json.loads(source), self.n_operations, version, routing, shard)
        self.docs[identity] = doc
        return self._told(identity, "updated" if before else "created", 200 if before else 201, doc)

    def _delete(self, identity: str, before: Doc | None) -> dict[str, Any]:
        self.n_operations += 1
        if before is None:
            return {"_index": self.name, "_id": identity, "_version": 1, "result": "not_found", "status": 404,
                    "_shards": {"total": 1, "successful": 1, "failed": 0}}  # fmt: skip
        del self.docs[identity]
        return self._told(identity, "deleted", 200, before)

    def _check_numbers(self, identity: str, target: dict[str, Any], before: Doc | None) -> None:
        given = target.get("if_seq_no"), target.get("if_primary_term")
        if given == (None, None):
            return
        if None in given:
            raise bad("ifSeqNo is set, but primary term is [0]", "action_request_validation_exception")
        current = (before.seq_no, 1) if before else None
        if current != (int(given[0]), int(given[1])):  # type: ignore[arg-type]
            now = (
                f"current document has seqNo [{before.seq_no}] and primary term [1]"
                if before
                else "but no document was found"
            )
            raise conflict(
                f"[{identity}]: version conflict, required seqNo [{given[0]}], primary term "
                f"[{given[1]}]. {now}"
            )

    def _told(self, identity: str, result: str, status: int, doc: Doc) -> dict[str, Any]:
        return {
            "_index": self.name, "_id": identity, "_version": doc.version, "result": result,
            "_seq_no": doc.seq_no,
            "_primary_term": 1, "status": status, "_shards": {"total": 1, "successful": 1, "failed": 0},
        }  # fmt: skip


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}".removeprefix("index.")
        out |= _flat(value, f"{name}.") if isinstance(value, dict) and name != "index" else {}
        if isinstance(value, dict) and name == "index":
            out |= _flat(value)
        elif not isinstance(value, dict):
            out[name] = value
    return out
