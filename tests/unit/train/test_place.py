"""A result takes its place without harm to what lies there, whatever happens on the way."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any, cast

import pytest

from ragkit.errors import ConfigError, ModelError
from ragkit.train.place import FILES, RESULT, WORK, begin, check_place, take_place, taken
from ragkit.train.result import settle


def check(out: Path, *, overwrite: bool = False, start: Path | None = None) -> None:
    check_place(out, overwrite=overwrite, start=start)


def filled(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).write_text(text)
    return folder


def texts(folder: Path) -> set[str]:
    return {(folder / name).read_text() for name in FILES}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The folder of a training that has a result, in a folder with a model."""
    filled(tmp_path / "out", "old")
    begin(tmp_path / "out" / WORK)
    (tmp_path / "out" / WORK / "checkpoint.npz").write_text("trained")
    filled(tmp_path / "out" / WORK / RESULT, "new")
    return tmp_path / "out" / WORK


def test_a_folder_of_the_same_name_that_no_training_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / WORK).mkdir()
    check(tmp_path)
    (tmp_path / WORK / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"was not made by a training.*Rename or remove it"):
        check(tmp_path)
    assert (tmp_path / WORK / "notes.txt").read_text() == "mine"


def test_only_what_a_training_wrote_is_removed(work: Path) -> None:
    (work / "notes.txt").write_text("mine")
    take_place(work, work.parent)
    assert texts(work.parent) == {"new"}
    assert {path.name for path in work.iterdir()} == {"notes.txt", "made-by-ragkit.txt"}
    check(work.parent, overwrite=True)


def test_nothing_is_left_beside_the_result(work: Path) -> None:
    take_place(work, work.parent)
    assert {path.name for path in work.parent.iterdir()} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_any_file_that_would_be_replaced_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match=rf"holds .*{name}.*--overwrite"):
        check(tmp_path)
    check(tmp_path, overwrite=True)
    assert (tmp_path / name).read_text() == "mine"


def test_a_folder_where_a_file_is_to_be_is_refused_though_overwriting(tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()
    with pytest.raises(ConfigError, match=r"report\.json is a folder"):
        check(tmp_path, overwrite=True)


@pytest.mark.parametrize("out", ["file", "file/below"])
def test_a_file_as_the_place_is_refused(tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match=r"file is not a folder.*--out"):
        check(tmp_path / out)


def test_the_start_model_is_not_overwritten_by_what_is_made_of_it(tmp_path: Path) -> None:
    filled(tmp_path / "model", "old")
    (tmp_path / "link").symlink_to(tmp_path / "model")
    with pytest.raises(ConfigError, match="is the folder of the model to start from"):
        check(tmp_path / "link", overwrite=True, start=tmp_path / "model")


@pytest.mark.parametrize("fails_at", range(10))
def test_the_old_model_survives_an_error_and_a_kill(
    work: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    replace, moved = Path.replace, list[Path]()

    def failing(self: Path, target: Path) -> Path:
        moved.append(self)
        if len(moved) > fails_at:
            raise KeyboardInterrupt if killed else OSError(errno.EIO, "Input/output error")
        return replace(self, target)

    class Report:
        def as_markdown(self) -> str:
            return "new"

        as_json = as_markdown

    killed = True
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", failing)
        with pytest.raises(KeyboardInterrupt):
            take_place(work, work.parent)
    check(work.parent, overwrite=True)
    assert texts(work.parent) == {"old"}
    killed = False
    moved.clear()

    def failing_once(self: Path, target: Path) -> Path:
        moved.append(self)
        if len(moved) == fails_at + 1:
            raise OSError(errno.EIO, "Input/output error")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing_once)
    with pytest.raises(ModelError, match=r"Input/output error.*what was there before is there still"):
        settle(work, work.parent, cast(Any, Report()))
    assert texts(work.parent) == {"old"}
    assert texts(work / RESULT) == {"new"}
    assert (work / "checkpoint.npz").read_text() == "trained"


def test_a_kill_while_a_first_result_takes_its_place_does_not_bar_the_same_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / WORK
    begin(work)
    filled(work / RESULT, "new")
    replace = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if self.name == "report.json":
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            take_place(work, tmp_path)
    assert (tmp_path / "model.onnx").exists()
    check(tmp_path)
    take_place(work, tmp_path)
    assert texts(tmp_path) == {"new"}


def test_a_training_that_ends_while_another_waits_to_begin_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with taken(out, overwrite=False, start=None):
        filled(out / WORK / RESULT, "first")
        take_place(out / WORK, out)
        with (
            pytest.raises(ConfigError, match="holds a model already"),
            taken(out, overwrite=False, start=None),
        ):
            pass
    assert texts(out) == {"first"}
    assert {path.name for path in out.iterdir()} == set(FILES)


def test_who_begins_as_another_ends_keeps_the_place(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with taken(out, overwrite=True, start=None):
        filled(out / WORK / RESULT, "first")
        take_place(out / WORK, out)
        second = taken(out, overwrite=True, start=None)
        second.__enter__()
    with pytest.raises(ModelError, match=r"process \d+ is training"), taken(out, overwrite=True, start=None):
        pass
    second.__exit__(None, None, None)
    check(out, overwrite=True)
    assert {path.name for path in out.iterdir()} == set(FILES)


def test_bytes_of_a_command_that_are_no_text_do_not_lose_the_result(work: Path) -> None:
    class Report:
        def as_markdown(self) -> str:
            return "command: \udcff"

        def as_json(self) -> str:
            return '"\udcff"'

    settle(work, work.parent, cast(Any, Report()))
    assert (work.parent / "report.json").read_text() == '"\\udcff"'


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with (
        pytest.raises(ModelError, match=r"cannot be locked: .*No locks available.*choose another folder"),
        taken(tmp_path / "out", overwrite=False, start=None),
    ):
        pass
