from __future__ import annotations

from enum import Enum
from typing import Any

import pytest

from ragkit.errors import TenantError
from ragkit.fields import parse_fields
from ragkit.store.access import Access

OPEN = Access({})
CLOSED = Access(parse_fields({"tenant": "keyword!", "acl": ["keyword"]}))


class Customer(str, Enum):  # noqa: UP042  (what most code still has, and its `str` is the member's name)
    ACME = "acme"


class Liar(str):
    """A text that gives another one when it is asked for its text."""

    def __str__(self) -> str:
        return "globex"


def nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize("tenant", [Customer.ACME, Liar("acme")])
def test_a_tenant_of_a_class_of_its_own_is_the_text_that_it_holds(tenant: str) -> None:
    for name in (CLOSED.tenant(tenant), *(CLOSED.acl([tenant]) or ())):
        assert name == "acme"
        assert type(name) is str


@pytest.mark.parametrize("acl", [0, False, 5, "", "staff", b"", b"staff", {}, {"staff": 1}, iter(["staff"])])
def test_what_is_no_list_of_groups_is_refused_even_where_it_is_empty(acl: Any) -> None:
    for access in (OPEN, CLOSED):
        with pytest.raises(TenantError, match=r"acl=.*: expected a list of groups"):
            access.acl(acl)


@pytest.mark.parametrize(
    "value",
    [10**5000, nested(100_000), "x" * 1_000_000, ["x" * 1_000_000]],
    ids=["digits", "nested", "long", "long list"],
)
def test_a_value_that_cannot_be_written_out_is_named_in_short(value: Any) -> None:
    for access in (OPEN, CLOSED):
        calls: list[tuple[Any, Any]] = [(access.tenant, value), (access.acl, [value])]
        for check, given in calls:
            with pytest.raises(TenantError) as caught:
                check(given)
            assert len(str(caught.value)) < 500


def test_groups_may_be_any_collection_that_can_be_read_twice() -> None:
    for groups in (["b", "a", "b"], ("a", "b"), {"a", "b"}, {"a": 1, "b": 2}.keys()):
        assert CLOSED.acl(groups) == ("a", "b")  # type: ignore[arg-type]
