"""The folder that a run is written to: which one it is, and that nothing in it is overwritten unasked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ragkit.errors import EvalError
from ragkit.evaluation.folder import REPORT, SUITE
from ragkit.evaluation.prepare import Prepared
from ragkit.evaluation.reports.json import json_text
from ragkit.evaluation.runner.code import code_version
from ragkit.evaluation.runner.journal import KEY, write_whole

RUNS = Path("runs")


def run_folder(name: str, out: Path | None, resume: bool) -> Path:
    """Where the run is written: a folder that holds nothing, or with `resume` the one that is gone on with.

    Args:
        name: of the suite.
        out: the folder; else `runs/NAME`, or `runs/NAME-2` and so on where there is one.
        resume: whether to go on with a run; without `out` with the last of these.

    Raises:
        EvalError: `out` holds a run that is not to be gone on with, or something else.
    """
    if out is not None:
        if (out / SUITE).exists():
            if not resume:
                raise EvalError(
                    f"{out}: holds a run already. Go on with it (--resume), or name another folder (--out)"
                )
        elif holds_something(out):
            raise EvalError(
                f"{out}: is there already and is no run, so that nothing is written to it. Name another "
                "folder (--out)"
            )
        return out
    free, last, number = RUNS / name, None, 1
    while holds_something(free):
        last = free if (free / SUITE).exists() else last
        number += 1
        free = RUNS / f"{name}-{number}"
    return last if resume and last is not None else free


def begin_run(ready: Prepared, folder: Path) -> None:
    """Marks a folder as that of a run that has not come to its end yet.

    Raises:
        EvalError: the run that is in the folder cannot be gone on with: it is left as it is. Or it cannot
            be written to.
    """
    _refuse_another(ready, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / REPORT).unlink(missing_ok=True)
        write_whole(folder / SUITE, json_text(ready.suite.describe(), indent=2))
    except OSError as e:
        raise EvalError(f"{folder}: cannot be written to: {e.strerror or e}") from e


def holds_something(folder: Path) -> bool:
    """Whether a folder is there and has more in it than hidden files.

    Raises:
        EvalError: it is no folder, or cannot be read.
    """
    try:
        return folder.exists() and any(not path.name.startswith(".") for path in folder.iterdir())
    except OSError as e:
        raise EvalError(f"{folder}: cannot be written to: {e.strerror or e}") from e


def _refuse_another(ready: Prepared, folder: Path) -> None:
    """The runner refuses outcomes of another pipeline too, but by then the finished report would be gone."""
    was, now = _read(folder / SUITE), json.loads(json_text(ready.suite.describe()))
    changed = ["suite"] if was and was.get("name") != now["name"] else []
    known = was.get("pipelines", {}) if isinstance(was.get("pipelines"), dict) else {}
    for name, pipeline in now["pipelines"].items():
        if name in known and known[name] != pipeline:
            changed.append(f"pipeline {name!r}")
    for one in ready.data:
        data = {"name": one.data.name, "split": one.data.split, "checksum": one.checksum}
        for pipeline in one.pipelines:
            key = _read(folder / one.data.name / pipeline.name / KEY)
            if key and key.get("dataset") != data:
                changed.append(f"version of {one.data.name!r}")
            if key and key.get("code") != code_version():
                changed.append("version of ragkit")
            if key and _answers(key) != pipeline.answers:
                changed.append(f"pipeline {pipeline.name!r}, by what is measured of it,")
    if changed:
        parts = " and another ".join(dict.fromkeys(changed))
        raise EvalError(
            f"{folder}: what is there was made with another {parts}, so it "
            "cannot be gone on with. Run without --resume, or into another folder (--out)"
        )


def _answers(key: dict[str, Any]) -> object:
    pipeline = key.get("pipeline")
    return pipeline.get("answers") if isinstance(pipeline, dict) else None


def _read(path: Path) -> dict[str, Any]:
    """The object of a file; empty where there is none, or it is damaged and will be written anew."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
