"""Errors as the real server says them."""

from __future__ import annotations

from typing import Any

from tests.connectors.loopback import Refusal


class ApiError(Refusal):
    """What ends a request."""

    def __init__(self, status: int, kind: str, reason: str, **more: Any) -> None:
        self.status, self.kind, self.reason, self.more = status, kind, reason, more
        super().__init__(status, self.body())

    def cause(self) -> dict[str, Any]:
        return {"type": self.kind, "reason": self.reason, **self.more}

    def body(self) -> dict[str, Any]:
        return {"error": {"root_cause": [self.cause()], **self.cause()}, "status": self.status}


def bad(reason: str, kind: str = "illegal_argument_exception") -> ApiError:
    return ApiError(400, kind, reason)


def unknown_query(name: str) -> ApiError:
    inner = {"type": "named_object_not_found_exception", "reason": f"[1:1] unknown field [{name}]"}
    return ApiError(400, "parsing_exception", f"unknown query [{name}]", line=1, col=1, caused_by=inner)


def no_index(name: str) -> ApiError:
    more = {"index": name, "resource.id": name, "resource.type": "index_or_alias", "index_uuid": "_na_"}
    return ApiError(404, "index_not_found_exception", f"no such index [{name}]", **more)


def conflict(reason: str) -> ApiError:
    return ApiError(409, "version_conflict_engine_exception", reason)


def forbidden(action: str, user: str) -> ApiError:
    said = f"no permissions for [{action}] and User [name={user}, backend_roles=[], requestedTenant=null]"
    return ApiError(403, "security_exception", said)
