"""The record of a run: nothing that was written is lost, and nothing of another run is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.outcome import Outcome
from ragkit.evaluation.runner.journal import OUTCOMES, PART, Journal, read_outcomes, write_whole

KEY = {"dataset": {"checksum": "d1"}, "code": "c1"}


def written(folder: Path, *ids: str) -> None:
    with Journal.open(folder, KEY, resume=False) as journal:
        for id_ in ids:
            journal.add(Outcome(id_))


def resumed(folder: Path) -> Journal:
    return Journal.open(folder, KEY, resume=True)


def test_what_was_added_is_there_at_once(tmp_path: Path) -> None:
    with Journal.open(tmp_path, KEY, resume=False) as journal:
        journal.add(Outcome("q1"))
        assert (tmp_path / PART).read_text() == '{"id": "q1"}\n'


@pytest.mark.parametrize("torn", ['{"id": "q3"', '{"id": "q3"}', "{"])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: str) -> None:
    written(tmp_path, "q1", "q2")
    with (tmp_path / PART).open("a") as part:
        part.write(torn)
    with resumed(tmp_path) as journal:
        assert list(journal.done) == ["q1", "q2"]
        journal.add(Outcome("q3"))
    assert list(resumed(tmp_path).done) == ["q1", "q2", "q3"]


def test_a_finished_run_has_the_order_asked_for_and_no_part(tmp_path: Path) -> None:
    written(tmp_path, "q2", "q1")
    resumed(tmp_path).finish(["q1", "q2"])
    assert list(read_outcomes(tmp_path)) == ["q1", "q2"]
    assert not (tmp_path / PART).exists()
    assert list(resumed(tmp_path).done) == ["q1", "q2"]


def test_a_question_that_failed_is_asked_again(tmp_path: Path) -> None:
    with Journal.open(tmp_path, KEY, resume=False) as journal:
        journal.add(Outcome("q1", error="StoreError: down"))
        journal.add(Outcome("q2"))
    with resumed(tmp_path) as journal:
        assert list(journal.done) == ["q2"]
        journal.add(Outcome("q1"))
    assert resumed(tmp_path).done["q1"].error is None


def test_what_was_added_to_a_finished_run_before_a_kill_is_kept(tmp_path: Path) -> None:
    with Journal.open(tmp_path, KEY, resume=False) as journal:
        journal.add(Outcome("q1", error="StoreError: down"))
        journal.add(Outcome("q2"))
        journal.finish(["q1", "q2"])
    with resumed(tmp_path) as journal:
        journal.add(Outcome("q1"))
    with (tmp_path / PART).open("a") as part:
        part.write('{"id": "q3"')
    with resumed(tmp_path) as journal:
        assert sorted(journal.done) == ["q1", "q2"]
        journal.add(Outcome("q3"))
    assert sorted(resumed(tmp_path).done) == ["q1", "q2", "q3"]


def test_outcomes_without_a_key_are_not_taken_for_those_of_this_run(tmp_path: Path) -> None:
    written(tmp_path, "of-another")
    (tmp_path / "run.json").unlink()
    with resumed(tmp_path) as journal:
        journal.add(Outcome("q1"))
    assert list(resumed(tmp_path).done) == ["q1"]


def test_a_run_that_is_not_resumed_begins_anew(tmp_path: Path) -> None:
    written(tmp_path, "q1")
    resumed(tmp_path).finish(["q1"])
    assert not Journal.open(tmp_path, KEY, resume=False).done
    assert not (tmp_path / OUTCOMES).exists()


def test_another_run_is_not_gone_on_with(tmp_path: Path) -> None:
    written(tmp_path, "q1")
    with pytest.raises(EvalError, match=r"made with another code and another dataset.*without --resume"):
        Journal.open(tmp_path, {"dataset": {"checksum": "d2"}, "code": "c2"}, resume=True)
    assert list(resumed(tmp_path).done) == ["q1"]


def test_a_key_with_tuples_is_the_same_key_again(tmp_path: Path) -> None:
    key = {"acl": ("a", "b")}
    with Journal.open(tmp_path, key, resume=False) as journal:
        journal.add(Outcome("q1"))
    assert list(Journal.open(tmp_path, key, resume=True).done) == ["q1"]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    written(tmp_path, "q1")
    with (tmp_path / PART).open("a") as part:
        part.write("nonsense\n")
    with pytest.raises(EvalError, match=r"jsonl\.part:2: not an outcome.*Remove the line"):
        resumed(tmp_path)


@pytest.mark.parametrize("torn", ["[1]", "7", "null", "{"])
def test_a_damaged_key_says_what_to_do(tmp_path: Path, torn: str) -> None:
    written(tmp_path, "q1")
    (tmp_path / "run.json").write_text(torn)
    with pytest.raises(EvalError, match=r"run\.json: cannot be read.*without --resume"):
        resumed(tmp_path)


def test_a_folder_without_a_finished_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=r"outcomes.jsonl: cannot be read.*--resume"):
        read_outcomes(tmp_path)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    with Journal.open(tmp_path, KEY, resume=False) as journal:
        (tmp_path / PART).symlink_to("/dev/full")
        with pytest.raises(EvalError, match=r"cannot be written to: .*No space left"):
            journal.add(Outcome("q1"))
        assert not journal.done


def test_half_a_character_costs_no_file(tmp_path: Path) -> None:
    write_whole(tmp_path / "report.md", "How long \ud800 is it? Два года.\n")
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == "How long ? is it? Два года.\n"
