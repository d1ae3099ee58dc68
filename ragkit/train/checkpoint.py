"""A training on disk: tensors as `.npz`, never pickled, and the settings that they belong to.

The file is written beside the old one, flushed to disk, and then takes its place: a kill or a full disk
leaves the old one whole.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import ConfigError, ModelError

_FACTS = "facts.json"
# What numpy, zipfile and json raise of files that are cut, encrypted, or of another kind.
_DAMAGES = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    NotImplementedError,
)


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A training that can go on.

    Args:
        settings: all that decides what the next steps are, by name; plain values.
        tensors: by name.
        notes: what was found so far; plain values.
    """

    settings: Mapping[str, Any]
    tensors: Mapping[str, NDArray[np.generic]] = field(kw_only=True)
    notes: Mapping[str, Any] = field(default_factory=dict, kw_only=True)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes the file; whatever happens, the previous one or the new one is there, whole.

    Raises:
        ModelError: it cannot be written, for example because the disk is full.
    """
    facts = json.dumps({"settings": dict(checkpoint.settings), "notes": dict(checkpoint.notes)})
    draft = path.with_name(f"{path.name}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            # A file object, for savez adds an ending to a name.
            np.savez(file, **{_FACTS: np.frombuffer(facts.encode(), np.uint8)}, **dict(checkpoint.tensors))  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        size_mb = sum(tensor.nbytes for tensor in checkpoint.tensors.values()) / 1e6
        kept = "The previous checkpoint is kept" if path.exists() else "There is no earlier checkpoint"
        raise ModelError(
            f"{path} cannot be written: {error.strerror or error}. A checkpoint takes {size_mb:,.0f} MB, "
            f"twice while it is replaced. {kept}: make room and run the same command again to go on from it"
        ) from error


def load_checkpoint(path: Path, settings: Mapping[str, Any]) -> Checkpoint | None:
    """The checkpoint of a training with these settings; None where there is none.

    Raises:
        ModelError: the file is damaged.
        ConfigError: it is of a training with other settings; they are named.
    """
    if not path.exists():
        return None
    try:
        # Opened here, for numpy leaves a file open that is no archive.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            tensors = {name: file[name] for name in file.files}
        facts = json.loads(tensors.pop(_FACTS).tobytes())
        saved, notes = dict(facts["settings"]), dict(facts["notes"])
    except (*_DAMAGES, zipfile.BadZipFile, zlib.error) as error:
        raise ModelError(
            f"{path} is damaged: {str(error) or type(error).__name__}. Remove it, or run with --restart, to "
            "train from the beginning"
        ) from error
    wanted = json.loads(json.dumps(dict(settings)))
    if saved != wanted:
        raise ConfigError(
            f"{path} is of a training with other settings: {_differences(saved, wanted)}. Run with those "
            "settings to go on, or with --restart to train from the beginning"
        )
    return Checkpoint(saved, tensors=tensors, notes=notes)


def _differences(saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    names = [name for name in sorted({*saved, *wanted}) if saved.get(name) != wanted.get(name)]
    return ", ".join(f"{name} was {_short(saved.get(name))}, is {_short(wanted.get(name))}" for name in names)


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
