"""What other libraries say of a passage becomes metadata that every store can hold, or is refused."""

from __future__ import annotations

from typing import Any

import pytest

from ragkit.fields import problems_of
from ragkit.ingest.imports.metadata import own_metadata, shared


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("text", "text"),
        (None, None),
        (1.5, 1.5),
        (["a", 2], ("a", 2)),
        ({"a": [1, {"б": 2}]}, 'json:{"a": [1, {"б": 2}]}'),
        ([None], "json:[null]"),
        (2**70, f"json:{2**70}"),
        ("json:no", 'json:"json:no"'),
    ],
)
def test_what_fits_stays_and_the_rest_is_json(theirs: object, ours: object) -> None:
    made = own_metadata({"key": theirs}, "p1")
    assert made == {"key": ours, "import_id": "p1"}
    assert not problems_of(made, {})


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (["a"], "its metadata is list: expected a JSON object"),
        ({"x": float("nan")}, r"metadata\.x: it holds what JSON cannot"),
        ({"x": {"y": float("inf")}}, r"metadata\.x: it holds what JSON cannot"),
        ({"import_id": 1}, r"metadata\.import_id: the name 'import_id' is taken"),
        ({"import_acl": 1, "acl": 2}, r"metadata\.acl: the name 'import_acl' is taken"),
    ],
)
def test_what_would_be_lost_is_refused(metadata: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        own_metadata(metadata, "p1")


def test_an_index_does_not_say_who_may_read_it() -> None:
    made = own_metadata({"tenant": "acme", "acl": ["all"]}, "p1")
    assert made == {"import_tenant": "acme", "import_acl": ("all",), "import_id": "p1"}


def test_a_document_says_what_all_its_passages_say_alike() -> None:
    rows = [{"a": 1, "b": True, "c": 2}, {"a": 1, "b": 1, "c": 3}, {"a": 1, "b": 1}]
    assert shared(rows) == {"a": 1}
