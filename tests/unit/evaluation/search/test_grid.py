"""The configurations of a space: counted, checked, each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.errors import ConfigError
from ragkit.evaluation.search.edit import edited
from ragkit.evaluation.search.grid import Grid, enumerate_space
from ragkit.evaluation.search.prefix import shared_runs
from ragkit.evaluation.search.space import load_space

RAG = """ragkit: 1
models: {embed: {use: embed/bundled}}
stores: {local: {use: store/local, path: "${NOT_SET:-index}"}}
collection: {store: local, embed: embed}
query:
  dense: {use: retrieve/dense, in: question, k: 50}
  sparse: {use: retrieve/bm25, in: question, k: 50}
  fuse: {use: fuse/weighted, in: [dense, sparse], k: 10}
  spread: {use: rerank/mmr, k: 10}
  compress: {use: compress/extractive, budget_tokens: 800}
  generate: generate/extractive
  verify: {use: verify/citations}
"""


@pytest.fixture
def rag(tmp_path: Path) -> Path:
    path = tmp_path / "rag.yaml"
    path.write_text(RAG)
    return path


def grid(rag: Path, space: str) -> Grid:
    return enumerate_space(rag, load_space(f"space:\n{space}"))


def inputs(made: Grid, label: str, node: str) -> tuple[str, ...]:
    found = next(candidate for candidate in made.candidates if candidate.label == label)
    return next(spec.inputs for spec in found.config.graph.nodes if spec.name == node)


def test_every_combination_and_the_one_as_it_is(rag: Path) -> None:
    made = grid(rag, "  query.fuse.k: [5, 20]\n  query.dense.k: [10, 20, 30]\n")
    assert made.combinations == 6
    assert [candidate.id for candidate in made.candidates][-1] == "c007"
    assert made.baseline.label == "as it is"


def test_the_one_as_it_is_may_be_in_the_space(rag: Path) -> None:
    made = grid(rag, "  query.fuse.k: [5, 10]\n")
    assert len(made.candidates) == 2
    assert made.baseline.label == "fuse.k=10"


def test_a_condition_spares_combinations(rag: Path) -> None:
    made = grid(
        rag,
        "  query.fuse: {one_of: {rrf: {use: fuse/rrf}, sum: {use: fuse/weighted}}}\n"
        "  query.fuse.normalize: {values: [ceiling, minmax, zscore], when: {query.fuse: sum}}\n",
    )
    assert made.combinations == 4


def test_another_stage_in_the_same_place_reads_the_same(rag: Path) -> None:
    made = grid(rag, "  query.fuse: [{use: fuse/rrf}]\n")
    assert inputs(made, "fuse=rrf", "fuse") == ("dense", "sparse")


def test_a_step_that_is_removed_is_bridged(rag: Path) -> None:
    made = grid(rag, "  query.spread: [remove]\n")
    assert inputs(made, "spread=remove", "compress") == ("fuse",)


def test_an_arm_that_is_removed_is_left_out(rag: Path) -> None:
    made = grid(rag, "  query.sparse: [remove]\n")
    assert inputs(made, "sparse=remove", "fuse") == ("dense",)


def test_keys_of_a_removed_stage_are_not_varied(rag: Path) -> None:
    made = grid(rag, "  query.spread.diversity: [0.1, 0.2, 0.5]\n  query.spread: [keep, remove]\n")
    assert made.combinations == 4


def test_what_cannot_be_is_told_with_the_reason(rag: Path) -> None:
    made = grid(rag, "  query.dense: [keep, remove]\n  query.sparse: [keep, remove]\n")
    assert [(refused.label, refused.reason) for refused in made.refused] == [
        (
            "dense=remove sparse=remove",
            "query.fuse: needs Rankings but 'question' gives QueryPlan; put a retrieve/* stage between",
        )
    ]
    assert len(made.candidates) == 3


def test_equal_configurations_are_tried_once(rag: Path) -> None:
    made = grid(rag, "  query.fuse: {one_of: {a: {use: fuse/rrf, k: 7}, b: {use: fuse/rrf, k: 7}}}\n")
    assert [candidate.same for candidate in made.candidates] == [("fuse=b",), ()]


@pytest.mark.parametrize(
    ("space", "problem"),
    [
        ("  query.fuse.kk: [1, 2]\n", "<text>:2: query.fuse.kk: no value of it works: .*kk: unknown key"),
        ("  query.fuze.k: [1]\n", "nothing is named 'fuze' under query. Did you mean 'fuse'?"),
        ("  query.rerank: [remove, keep]\n  query.verify: [remove]\n", "query.verify: no value of it works"),
        ("  query.fuse.k: [0, -1]\n", "query.fuse.k: no value of it works: query.fuse.k: .*got 0"),
    ],
)
def test_a_key_that_never_works_is_a_mistake(rag: Path, space: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        grid(rag, space)


def test_too_many_combinations_are_refused_before_they_are_made(rag: Path) -> None:
    many = "".join(f"  query.fuse.weights.w{n}: {{from: 1, to: 100, step: 1}}\n" for n in range(4))
    with pytest.raises(ConfigError, match="more than 5,000 combinations"):
        grid(rag, many)


def test_variables_stay_variables(rag: Path) -> None:
    made = grid(rag, "  query.fuse.k: [5]\n")
    assert made.candidates[0].document["stores"]["local"]["path"] == "${NOT_SET:-index}"


def test_stages_before_the_change_are_shared(rag: Path) -> None:
    made = grid(rag, "  query.compress.budget_tokens: [100, 200, 800]\n")
    # dense, sparse, fuse, spread once; compress, generate, verify three times.
    assert shared_runs(candidate.stages for candidate in made.candidates) == 4 + 3 * 3


def test_the_last_stage_cannot_be_removed() -> None:
    with pytest.raises(ConfigError, match="it gives the answer"):
        edited({"query": {"a": "x/a", "b": "x/b"}}, {}, ["b"])
