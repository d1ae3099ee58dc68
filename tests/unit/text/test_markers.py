"""Which markers a text has, in every shape that models write them."""

from __future__ import annotations

import pytest

from ragkit.text.markers import find_markers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Two years [1].", [(1,)]), ("Two years.[1][2]", [(1,), (2,)]), ("Two years [1, 2]", [(1, 2)]),
        ("Two years [1-3].", [(1, 2, 3)]), ("Два года [1–3].", [(1, 2, 3)]), ("Two years【1】.", [(1,)]),
        ("Two years【2†source】.", [(2,)]), ("Two years [^1].", [(1,)]), ("Two years [doc 1].", [(1,)]),
        ("Two years [Source 2, source 3].", [(2, 3)]), ("Два года [источник 1].", [(1,)]),
        ("Два года [1 и 2].", [(1, 2)]), ("Two years (source 2).", [(2,)]), ("Two years [9].", [(9,)]),
        ("Two years[1].", [(1,)]), ("Two years (1).", [(1,)]), ("Two years.¹ ²", [(1, 2)]),
        ("Two years [1](https://example.org/a).", [(1,)]), ("Two years [1; 2].", [(1, 2)]),
        ("[1] Two years.", [(1,)]), ("Two years [0].", [(0,)]),
    ],
)  # fmt: skip
def test_a_marker_is_read_in_every_shape(text: str, numbers: list[tuple[int, ...]]) -> None:
    assert [marker.numbers for marker in find_markers(text, 5)] == numbers


@pytest.mark.parametrize(
    "text",
    [
        "Two years.", "Take `rows[1]`.", "```\nrows [1]\n```\n", "```\nrows [1]", "It says “see [1]”.",
        "Он пишет: «см. [1]».", "Take rows[9].", "(1) Open it. (2) Close it.", "Area 5 m².", "f(1) is 2.",
        "Two years (9).", "[x] done", "[2024]", "[1]: https://example.org",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_marker_is_none(text: str) -> None:
    assert find_markers(text, 5) == []


def test_a_number_in_round_brackets_is_none_where_there_are_other_markers() -> None:
    assert [m.numbers for m in find_markers("Two years (1). More [2].", 5)] == [(2,)]
