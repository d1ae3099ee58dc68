"""A checkpoint is whole or not there, and goes with its settings."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit.errors import ConfigError, ModelError
from ragkit.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

SETTINGS = {"epochs": 3, "start": "a@1"}


def checkpoint(value: float = 1.0) -> Checkpoint:
    tensors = {"weight/a.b": np.full((2, 3), value, np.float32), "step": np.array(7)}
    return Checkpoint(SETTINGS, tensors=tensors, notes={"best": [1, 0.5]})


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "work" / "checkpoint.npz"
    save_checkpoint(path, checkpoint())
    found = load_checkpoint(path, SETTINGS)
    assert found is not None
    assert found.notes == {"best": [1, 0.5]}
    assert found.tensors["weight/a.b"].dtype == np.float32
    assert all(np.array_equal(found.tensors[name], value) for name, value in checkpoint().tensors.items())
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.npz"]


def test_there_is_none_before_the_first(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "checkpoint.npz", SETTINGS) is None


def test_other_settings_are_refused_and_named(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, checkpoint())
    with pytest.raises(ConfigError, match=r"epochs was 3, is 4\. Run .*--restart"):
        load_checkpoint(path, {**SETTINGS, "epochs": 4})


@pytest.mark.parametrize(
    "damage", ["cut", "empty", "flipped", "text", "pickled", "encrypted", "odd", "array"]
)
def test_a_damaged_file_is_refused_with_the_remedy(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, checkpoint())
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "flipped":
        content[content.index(b"\x00\x00\x80\x3f") + 3] ^= 1  # in the first tensor
    elif damage == "empty":
        content.clear()
    elif damage in ("encrypted", "odd"):
        at = content.index(b"PK\x01\x02")  # the entry of the first tensor in the archive's list
        content[at + 8 : at + 12] = b"\x01\x00\x00\x00" if damage == "encrypted" else b"\x00\x00\x63\x00"
    elif damage == "text":
        content = bytearray(b"no checkpoint")
    path.write_bytes(content)
    if damage == "pickled":
        np.savez(path, weight=np.array([{"a": 1}], dtype=object))
    elif damage == "array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    with pytest.raises(ModelError, match=r"checkpoint\.npz is damaged: .*--restart"):
        load_checkpoint(path, SETTINGS)


def test_a_full_disk_leaves_the_previous_one_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, checkpoint(1.0))

    def full(file: Any, **_: Any) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ragkit.train.checkpoint.np.savez", full)
    with pytest.raises(
        ModelError, match=r"No space left on device.*The previous checkpoint is kept: make room"
    ):
        save_checkpoint(path, checkpoint(2.0))
    found = load_checkpoint(path, SETTINGS)
    assert found is not None
    assert found.tensors["weight/a.b"][0, 0] == 1.0
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.npz"]
