"""Our check of JSON against a schema, compared with the package `jsonschema`."""

from __future__ import annotations

import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.models.json_schema import json_in, json_problem, problems
from ragkit.models.schema_support import schema_problem

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0, -2.0])
    | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
KEYWORDS: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])
    | st.lists(st.sampled_from(["object", "array", "string", "null"]), min_size=1, max_size=2, unique=True),
    "enum": st.lists(VALUES, min_size=1, max_size=3),
    "const": VALUES,
    "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
    "minLength": st.integers(0, 2),
    "maxLength": st.integers(0, 2),
    "minItems": st.integers(0, 2),
    "maxItems": st.integers(0, 2),
    "minimum": st.integers(-2, 2),
    "maximum": st.integers(-2, 2),
    "exclusiveMinimum": st.integers(-2, 2),
    "exclusiveMaximum": st.integers(-2, 2),
    "$ref": st.sampled_from(["#/$defs/x"]),
}


def of_keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    nested = {
        "items": inner,
        "additionalProperties": inner,
        "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
        **{key: st.lists(inner, min_size=1, max_size=2) for key in ("anyOf", "oneOf", "allOf")},
    }
    return st.fixed_dictionaries({}, optional={**KEYWORDS, **nested})


SCHEMAS = st.recursive(
    st.booleans() | st.fixed_dictionaries({}, optional=KEYWORDS), of_keywords, max_leaves=5
)


@settings(max_examples=400, deadline=None)
@given(
    SCHEMAS.filter(lambda schema: isinstance(schema, dict)),
    st.sampled_from([{"type": "string"}, True]),
    VALUES,
)
def test_it_agrees_with_jsonschema(schema: dict[str, Any], definition: Any, value: Any) -> None:
    whole = {**schema, "$defs": {"x": definition}}
    assert schema_problem(whole) is None
    ours = next(problems(value, whole), None)
    assert (ours is None) == jsonschema.Draft202012Validator(whole).is_valid(value), ours


def test_a_problem_names_its_place() -> None:
    schema = {
        "type": "object",
        "properties": {"items": {"type": "array", "items": {"type": "object", "required": ["price"]}}},
        "additionalProperties": False,
    }
    assert list(problems({"items": [{}], "more": 1}, schema)) == [
        "$.items[0]: price is missing",
        "$: more is no key of it",
    ]


@pytest.mark.parametrize("text", ['{"a": 1}', '```json\n{"a": 1}\n```', ' ```\n{"a": 1}```\n'])
def test_json_may_stand_in_a_fence(text: str) -> None:
    assert json_in(text) == {"a": 1}


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a": NaN}', "Sure! {}"])
def test_what_is_no_json_is_told(text: str) -> None:
    assert (json_problem(text, {}) or "").startswith("no JSON")


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ([], "the schema: expected a JSON Schema, which is a mapping"),
        ({"pattern": "a+"}, "the schema: the keyword 'pattern' is not supported"),
        ({"items": {"type": "text"}}, "items: unknown type 'text'"),
        ({"$ref": "https://example.com/s.json"}, "only places in the same schema can be named"),
        ({"properties": {"a": {"required": "b"}}}, "properties.a: required: not the kind of value"),
    ],
)
def test_a_schema_that_cannot_be_checked_is_refused(schema: Any, said: str) -> None:
    assert said in (schema_problem(schema) or "")


def test_a_schema_that_names_itself_ends() -> None:
    assert "nested too deeply" in str(list(problems(1, {"$ref": "#"})))
    assert json_problem(str(math.pi), {"type": "number"}) is None
