"""TREC files: what is written, what is read, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.run import Run
from ragkit.evaluation.trec import read_qrels, read_run, write_qrels, write_run


def test_a_run_is_written_in_the_order_that_counts(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    write_run(Run("my run", scores={"q1": {"a": 0.5, "b": 0.5, "c": 2.0}, "q2": {}}), path)
    assert path.read_text().splitlines() == [
        "q1 Q0 c 1 2.0 my_run",
        "q1 Q0 b 2 0.5 my_run",
        "q1 Q0 a 3 0.5 my_run",
    ]


def test_equal_runs_make_equal_packed_files(tmp_path: Path) -> None:
    run = Run.of_orders("r", {"q": ["a", "b"]})
    for name in ("one.gz", "two.gz"):
        write_run(run, tmp_path / name)
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
    assert read_run(tmp_path / "one.gz") == run


def test_the_rank_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "run.txt").write_text("q Q0 a 1 0.1 t\nq\tQ0\tb\t2\t0.9\tt\n")
    run = read_run(tmp_path / "run.txt")
    assert (run.name, run.ranked("q")) == ("t", ["b", "a"])
    assert read_run(tmp_path / "run.txt", name="mine").name == "mine"


def test_a_run_with_failures_is_not_written_as_if_whole(tmp_path: Path) -> None:
    run = Run("r", scores={"q1": {"a": 1.0}}, failed={"q2": "timeout"})
    with pytest.raises(EvalError, match="1 queries failed, which a TREC file cannot say"):
        write_run(run, tmp_path / "run.txt")
    write_run(run, tmp_path / "run.txt", partial=True)
    assert list(read_run(tmp_path / "run.txt").scores) == ["q1"]


def test_an_id_with_a_blank_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_text("old")
    with pytest.raises(EvalError, match="the id 'my page' cannot stand in a TREC file"):
        write_run(Run("r", scores={"q1": {"a": 2.0, "my page": 1.0}}), path)
    assert [found.read_text() for found in tmp_path.iterdir()] == ["old"]


def test_a_no_break_space_is_part_of_an_id(tmp_path: Path) -> None:
    run = Run("r", scores={"q": {"a\u00a0b": 1.0}})
    write_run(run, tmp_path / "run.txt")
    assert read_run(tmp_path / "run.txt") == run


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=r"nowhere/run\.txt: cannot be written"):
        write_run(Run("r", scores={"q": {"a": 1.0}}), tmp_path / "nowhere" / "run.txt")


def test_judgements_come_back(tmp_path: Path) -> None:
    qrels = {"q1": {"a": 1, "b": 0}, "q2": {"c": -1}}
    write_qrels(qrels, tmp_path / "qrels.txt")
    assert (tmp_path / "qrels.txt").read_text().splitlines()[0] == "q1 0 a 1"
    assert read_qrels(tmp_path / "qrels.txt") == qrels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q Q0 a 1 0.5\n", r"run\.txt:1: expected `query Q0 document rank score tag`, got 5 columns"),
        ("q Q0 a 1 high t\n", r"run\.txt:1: score 'high': expected a finite number"),
        ("q Q0 a 1 1 t\nq Q0 b 2 1_0 t\n", r"run\.txt:2: score '1_0': expected a finite number"),
        ("q Q0 a 1 nan t\n", r"run\.txt:1: score 'nan': expected a finite number"),
        ("q Q0 a 1 2 t\nq Q0 a 2 1 t\n", r"run\.txt:2: query 'q' has document 'a' twice"),
        ("", r"run\.txt: holds no ranking"),
    ],
)
def test_a_malformed_run_is_told_by_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "run.txt").write_text(text)
    with pytest.raises(EvalError, match=message):
        read_run(tmp_path / "run.txt")


def test_a_grade_that_only_python_reads_is_told_by_line(tmp_path: Path) -> None:
    (tmp_path / "qrels.txt").write_text("q 0 a 1\nq 0 b 1_0\n")
    with pytest.raises(EvalError, match=r"qrels\.txt:2: grade '1_0': expected a whole number"):
        read_qrels(tmp_path / "qrels.txt")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=r"none\.txt:1: cannot be read: .*No such file"):
        read_qrels(tmp_path / "none.txt")
