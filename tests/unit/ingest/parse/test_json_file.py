from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.errors import DocumentError
from ragkit.ingest.parse import canonical
from ragkit.ingest.parse.json_file import parse_json, parse_json_lines


def test_each_leaf_is_a_line_with_its_path() -> None:
    text = '{"магазин": {"город": "Тула", "дни": ["пн", "вт"]}, "open": true, "note": null, "a.b": []}'
    assert parse_json(text).text == (
        'магазин.город: Тула\nмагазин.дни[0]: пн\nмагазин.дни[1]: вт\nopen: true\nnote: null\n"a.b": []'
    )


def test_the_elements_of_an_array_are_records_in_blocks_of_their_own() -> None:
    parsed = parse_json('[{"q": "Where?", "a": "Here"}, {"q": "When?"}, 5]')
    assert [block.of(parsed.text) for block in parsed.blocks] == ["q: Where?\na: Here", "q: When?", "5"]
    assert parsed.text == "q: Where?\na: Here\n\nq: When?\n\n5"


def test_numbers_stay_as_they_are_written() -> None:
    assert parse_json('{"a": 12.50, "b": 1e400, "c": ' + "9" * 5000 + "}").text == (
        "a: 12.50\nb: 1e400\nc: " + "9" * 5000
    )


def test_what_json_does_not_allow_is_kept_and_noted() -> None:
    parsed = parse_json('{"a": NaN, "b": 1, "b": 2}')
    assert parsed.text == "a: NaN\nb: 1\nb: 2"
    assert parsed.metadata["notes"] == (
        "NaN is not JSON; it was kept as text",
        "the key 'b' is written more than once in an object; all values are kept",
    )


def test_lines_of_records_are_read_whatever_the_file_is_called() -> None:
    text = '{"a": "x\u2028y"}\n\n{"b": 2}\n'
    assert parse_json(text).text == parse_json_lines(text).text == "a: x\u2028y\n\nb: 2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,\n "b": }', r"not valid JSON at line 2, column 7: Expecting value\. Mend it"),
        ('{"a": 1}\n{"b": }', r"not valid JSON at line 2, column 7: Expecting value"),
        ("[" * 5_000, "JSON arrays and objects are nested more than 100 deep"),
        ('{"a":' * 101 + "1" + "}" * 101, "nested more than 100 deep"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        parse_json(text)


def test_brackets_in_strings_are_no_depth() -> None:
    assert parse_json(json.dumps({"a": '["' * 300})).text == 'a: ["' + '["' * 299


def test_paths_that_would_multiply_the_text_end_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit.ingest.parse.json_file.MAX_CHARACTERS", 10_000)
    monkeypatch.setattr(canonical, "MAX_CHARACTERS", 10_000)
    with pytest.raises(DocumentError, match="its text is longer than 10,000 characters"):
        parse_json(json.dumps({"k" * 500: list(range(100))}))


def test_half_characters_and_nul_written_as_escapes_are_removed() -> None:
    assert parse_json(r'{"a": "x\ud800\u0000y"}').text == "a: xy"


leaves = st.none() | st.booleans() | st.integers() | st.text("abЯ ", max_size=5)
values = st.recursive(
    leaves, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text("kЖ.", max_size=3), v, max_size=3)
)


def n_leaves(value: object) -> int:
    parts = list(value.values()) if isinstance(value, dict) else value
    return sum(map(n_leaves, parts)) if isinstance(parts, list) and parts else 1


@given(st.dictionaries(st.text("kЖ.", min_size=1, max_size=3), values, min_size=1, max_size=4))
def test_there_is_a_line_for_each_leaf(value: dict[str, object]) -> None:
    text = parse_json(json.dumps(value)).text
    assert len([line for line in text.split("\n") if line]) == n_leaves(value)
