"""A converted model as the folder that ragkit loads: weights, tokenizer, and a manifest with checksums."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onnx import ModelProto


def write_model_folder(
    folder: Path, model: ModelProto, *, tokenizer: str, manifest: Mapping[str, Any]
) -> None:
    """Writes `model.onnx`, `tokenizer.json` and `model.json`; the same arguments give the same bytes.

    Args:
        folder: made if it is not there; files of these names in it are replaced.
        model: as `sentence_encoder` or `cross_encoder` give it.
        tokenizer: the JSON of the tokenizer that the model was trained with; its padding and truncation
            are taken out, since ragkit cuts by itself and never pads.
        manifest: the content of `model.json` without the checksums, see `ragkit.models.manifest`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    unpadded = json.loads(tokenizer) | {"truncation": None, "padding": None}
    files = {
        "model.onnx": model.SerializeToString(deterministic=True),
        "tokenizer.json": json.dumps(unpadded, ensure_ascii=False).encode(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    described = json.dumps({**manifest, "sha256": sha256}, indent=2)
    (folder / "model.json").write_text(described + "\n", encoding="utf-8")
