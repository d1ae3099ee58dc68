"""The folder of a result, and the folder in it that a training works in: no file of anybody else is touched.

A result takes its place by renames. What was there before is put aside first, and comes back whenever the
rest does not work out, be it at the next call.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ragkit.errors import ConfigError, EvalError, ModelError
from ragkit.evaluation.runner.lock import locked
from ragkit.models.manifest import MANIFEST

WORK = ".ragkit-training"  # below the result's folder; gone at the end
CHECKPOINT = "checkpoint.npz"
RESULT = "result"
FILES = ("model.onnx", "tokenizer.json", "MODEL_CARD.md", "report.json", MANIFEST)

_LOCK = "training.lock"
_MARK = "made-by-ragkit.txt"
_MARK_TEXT = "ragkit keeps a training here that is not finished, and removes this folder at its end.\n"
_PREVIOUS = "previous"
_MOVING = "moving"  # there while files of the result go from `RESULT` to their place


def check_place(out: Path, *, overwrite: bool, start: Path | None) -> None:
    """Refuses a place that the result cannot take without harm, before any work.

    A replacement that a kill cut short is undone first.

    Args:
        out: folder of the result.
        overwrite: whether files of a model that lie there may be replaced.
        start: folder of the model that training starts from.

    Raises:
        ConfigError: it is a file, holds files that would be replaced, or is the start model's folder.
        ModelError: another process is training there, or a replacement that was cut short cannot be undone.
    """
    _check_form(out, start)
    if (out / WORK).exists():
        with _alone(out):
            _mend(out)
    _check_free(out, overwrite=overwrite)


@contextmanager
def taken(out: Path, *, overwrite: bool, start: Path | None) -> Iterator[None]:
    """The place for this training alone, for the time of the block; checked as by `check_place`.

    What was made for it goes at the end where nothing was trained.

    Raises:
        ConfigError: as for `check_place`.
        ModelError: as for `check_place`, or nothing can be written there.
    """
    check_place(out, overwrite=overwrite, start=start)
    work, is_new = out / WORK, not out.exists()
    with _alone(out):
        own = (work / _LOCK).stat()
        try:
            # Another training may have come to its end since.
            _mend(out)
            _check_free(out, overwrite=overwrite)
            begin(work)
            yield
        finally:
            with suppress(OSError):
                if os.path.samestat(own, (work / _LOCK).stat()):  # else it is another training's by now
                    _tidy(work)
            if is_new:
                with suppress(OSError):
                    out.rmdir()  # only where it is empty


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    def refusal(holder: str) -> ModelError:
        return ModelError(
            f"{out}: {holder} is training a model into this folder. Wait until it is done, stop it, or "
            "choose another folder with --out"
        )

    with ExitStack() as held:
        try:
            held.enter_context(locked(out / WORK / _LOCK, wait=False, refusal=refusal))
        except EvalError as error:
            raise ModelError(f"{error}. Mend it, or choose another folder with --out") from error
        yield


def _check_form(out: Path, start: Path | None) -> None:
    there = next(path for path in (out, *out.absolute().parents) if path.exists() or path.is_symlink())
    if not there.is_dir():
        raise ConfigError(f"{there} is not a folder. Choose a folder for the result with --out")
    if start is not None and start.resolve() == out.resolve():
        raise ConfigError(
            f"{out} is the folder of the model to start from. Choose another folder for the result with --out"
        )
    work = out / WORK
    if not _is_ours(work):
        raise ConfigError(
            f"{work} was not made by a training, and one would work there. Rename or remove it, or choose "
            "another folder with --out"
        )


def _mend(out: Path) -> None:
    work = out / WORK
    try:
        _put_back(work, out)
    except OSError as error:
        raise ModelError(
            f"{out} cannot be written: {error.strerror or error}. The files that a training has put aside "
            f"are in {work / _PREVIOUS}: mend it and run the same command again"
        ) from error


def _check_free(out: Path, *, overwrite: bool) -> None:
    found = [name for name in FILES if (out / name).exists() or (out / name).is_symlink()]
    folders = [name for name in found if (out / name).is_dir()]
    if folders:
        raise ConfigError(
            f"{out / folders[0]} is a folder, and the result has a file of that name. Rename it, or choose "
            "another folder with --out"
        )
    if found and not overwrite:
        what = "a model already" if MANIFEST in found else "files that the result would replace"
        raise ConfigError(
            f"{out} holds {what} ({', '.join(found)}). Choose another folder with --out, or replace them "
            "with --overwrite"
        )


def begin(work: Path) -> None:
    """Makes the folder to work in, marked as made here.

    Raises:
        ModelError: it cannot be written.
    """
    try:
        work.mkdir(parents=True, exist_ok=True)
        (work / _MARK).write_text(_MARK_TEXT, encoding="utf-8")
    except OSError as error:
        raise ModelError(
            f"{work} cannot be written: {error.strerror or error}. Mend it, or choose another folder with "
            "--out"
        ) from error


def take_place(work: Path, out: Path) -> None:
    """Moves the result from `work` to `out`, the manifest last: a folder with a manifest is whole.

    `work` is removed.

    Raises:
        OSError: it did not work; what was there before is there again.
    """
    result, previous = work / RESULT, work / _PREVIOUS
    try:
        previous.mkdir(exist_ok=True)
        for name in reversed(FILES):
            if (out / name).exists() or (out / name).is_symlink():
                (out / name).replace(previous / name)
        (work / _MOVING).touch()
        for name in FILES:
            (result / name).replace(out / name)
    except OSError:
        _put_back(work, out)
        raise
    _end(work)


def _put_back(work: Path, out: Path) -> None:
    """Undoes a `take_place` that did not come to its end."""
    if (work / _MOVING).exists():
        for name in reversed(FILES):
            if (out / name).exists() and not (work / RESULT / name).exists():
                (out / name).replace(work / RESULT / name)
        (work / _MOVING).unlink()
    for name in FILES:
        aside = work / _PREVIOUS / name
        if (aside.exists() or aside.is_symlink()) and not (out / name).exists():
            aside.replace(out / name)


def _end(work: Path) -> None:
    """Removes what a training wrote; a folder that holds anything else stays, with that."""
    with suppress(OSError):  # the result is in its place: what is left does no harm
        # First: from here on nothing is put back.
        (work / _MOVING).unlink(missing_ok=True)
        for folder in (work / _PREVIOUS, work / RESULT):
            for name in FILES:
                (folder / name).unlink(missing_ok=True)
        for name in (CHECKPOINT, f"{CHECKPOINT}.draft"):
            (work / name).unlink(missing_ok=True)
        for folder in (work / _PREVIOUS, work / RESULT):
            if folder.exists():
                folder.rmdir()
    _tidy(work)


def _tidy(work: Path) -> None:
    """Removes the folder where nothing of a training is in it."""
    with suppress(OSError):
        if {path.name for path in work.iterdir()} <= {_MARK, _LOCK}:
            (work / _MARK).unlink(missing_ok=True)
            (work / _LOCK).unlink(missing_ok=True)
            work.rmdir()


def _is_ours(work: Path) -> bool:
    if work.is_symlink():
        return False
    if not work.exists():
        return True
    return work.is_dir() and ((work / _MARK).is_file() or {path.name for path in work.iterdir()} <= {_LOCK})
