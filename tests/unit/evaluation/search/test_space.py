"""The space file: what it may say, and how its mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.errors import ConfigError
from ragkit.evaluation.search.dimension import Dimension
from ragkit.evaluation.search.space import load_space


def only(text: str) -> Dimension:
    return load_space(f"space:\n{text}").dimensions[-1]


def labels(dimension: Dimension) -> list[str]:
    return [option.label for option in dimension.options]


def test_values_keep_their_type() -> None:
    dimension = only("  query.fuse.k: [5, 10]\n")
    assert [option.value for option in dimension.options] == [5, 10]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{from: 5, to: 20, step: 5}", [5, 10, 15, 20]),
        ("{from: 0.1, to: 0.5, step: 0.2}", [0.1, 0.3, 0.5]),
        ("{from: 10, to: 1000, log: 3}", [10, 100, 1000]),
        ("{from: 0.01, to: 1.0, log: 3}", [0.01, 0.1, 1.0]),
        ("{from: 1, to: 4, log: 6}", [1, 2, 3, 4]),
    ],
)
def test_ranges(text: str, values: list[float]) -> None:
    assert [option.value for option in only(f"  query.fuse.k: {text}\n").options] == values


def test_stages_are_named_by_what_tells_them_apart() -> None:
    dimension = only(
        "  query.fuse: [{use: fuse/rrf}, {use: fuse/weighted, k: 5}, {use: fuse/weighted, k: 9}]\n"
    )
    assert labels(dimension) == ["rrf", "weighted(k=5)", "weighted(k=9)"]


def test_keep_and_remove_are_no_values() -> None:
    dimension = only("  query.compress: [keep, remove]\n")
    assert [option.action for option in dimension.options] == ["keep", "remove"]


def test_a_condition_names_what_stands_above() -> None:
    dimension = only(
        "  query.fuse: {one_of: {a: {use: fuse/rrf}, b: {use: fuse/weighted}}}\n"
        "  query.fuse.k: {values: [5], when: {query.fuse: b}}\n"
    )
    assert dimension.when == {"query.fuse": ("b",)}


def test_the_rest_of_the_file() -> None:
    space = load_space(
        "objective: max F1, min latency.p95\nheld_out: 0.5\nrace: {first: 10, alpha: 0.1}\n"
        "space: {query.fuse.k: [5]}\n"
    )
    assert [objective.text for objective in space.objectives] == ["max F1", "min latency.p95"]
    assert (space.held_out, space.first, space.alpha) == (0.5, 10, 0.1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("spce: {a.b: [1]}\n", "space.yaml:1: spce: unknown key. .* Did you mean 'space'?"),
        ("space: {}\n", "space.yaml:1: space: expected keys of rag.yaml with their values"),
        ("space:\n  quary.k: [1]\n", "space.yaml:2: quary.k: expected a dotted key .* Did you mean 'query'?"),
        (
            "space:\n  query.fuse.k: 5\n",
            "space.yaml:2: query.fuse.k: expected a list of values or a range",
        ),
        ("space:\n  query.fuse.k: []\n", "space.yaml:2: query.fuse.k: expected at least one value"),
        ("space:\n  query.fuse.k: [5, 5]\n", "space.yaml:2: query.fuse.k: the value 5 is there twice"),
        ("space:\n  query.fuse.k: {from: 5, too: 9}\n", "space.yaml:2: query.fuse.k.too: unknown key"),
        ("space:\n  query.fuse.k: {from: 5, to: 9}\n", "either step or log"),
        ("space:\n  query.fuse.k: {from: 9, to: 5, step: 1}\n", "expected from below to, got 9 and 5"),
        ("space:\n  query.fuse.k: {from: 0, to: 5, log: 3}\n", "starts above 0"),
        ("space:\n  query.fuse.k: {from: 0, to: 5, step: 0}\n", "a step above 0"),
        ("space:\n  query.fuse.k: {from: 0, to: 5, step: 0.001}\n", "5001 values: expected at most 200"),
        ("space:\n  query.fuse.k: {values: [1], from: 2}\n", "got values and from"),
        ("space:\n  query.fuse.k: [remove]\n", "only a stage can be removed"),
        ("space:\n  query.a.k: {values: [1], when: {query.b: 1}}\n", "query.b: no such key stands above it"),
        (
            "space:\n  query.a.k: [1, 2]\n  query.b.k: {values: [1], when: {query.a.k: 3}}\n",
            "space.yaml:3: query.b.k.when.query.a.k: 3 is no value of it; it has: 1, 2",
        ),
        (
            "space: {query.a.k: [1]}\nheld_out: 2\n",
            "space.yaml:2: held_out: expected a share",
        ),
        ("space: {query.a.k: [1]}\nrace: {first: 1}\n", "race.first: expected a whole number from 5, got 1"),
        ("space: {query.a.k: [1]}\nrace: {frst: 9}\n", "race.frst: unknown key"),
        ("space: {query.a.k: [1]}\nobjective: nDCG@10\n", "space.yaml:2: objective: .*expected max or min"),
        ("space: [\n", "space.yaml:2: not valid YAML"),
        ("", "space.yaml:1: expected a mapping with the keys space"),
    ],
)
def test_mistakes_are_told_with_their_line(text: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        load_space(path)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        load_space("space:\n  query.a.k: 5\n  query.b.k: []\nheld_out: 9\n")
    assert len(raised.value.problems) == 3


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file"):
        load_space("nowhere.yaml")
