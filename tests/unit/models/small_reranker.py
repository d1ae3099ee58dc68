"""A cross-encoder of random weights, small enough to be made in a test, and its folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.models.embedder import BUNDLED
from ragkit.train.bert_graph import BertShape, Precision, cross_encoder
from ragkit.train.bert_graph_folder import write_model_folder

WIDTH = 32
SHAPE = BertShape(layers=2, heads=4, positions=512, norm_epsilon=1e-12)
WORDS = 30522


def weights(seed: int = 0, width: int = WIDTH) -> dict[str, NDArray[np.float32]]:
    """Random tensors under the names of a published checkpoint, with both heads."""
    rng = np.random.default_rng(seed)
    spread = 0.3 * (WIDTH / width) ** 0.5

    def matrix(rows: int, columns: int) -> NDArray[np.float32]:
        return rng.normal(0, spread, (rows, columns)).astype(np.float32)

    def norm(name: str) -> dict[str, NDArray[np.float32]]:
        return {f"{name}.weight": np.ones(width, np.float32), f"{name}.bias": matrix(1, width)[0]}

    def dense(name: str, out: int, into: int) -> dict[str, NDArray[np.float32]]:
        return {f"{name}.weight": matrix(out, into), f"{name}.bias": matrix(1, out)[0]}

    made = {
        "embeddings.word_embeddings.weight": matrix(WORDS, width),
        "embeddings.position_embeddings.weight": matrix(512, width),
        "embeddings.token_type_embeddings.weight": matrix(2, width),
        **norm("embeddings.LayerNorm"),
        **dense("classifier", 1, width),
        **dense("reader", 2, width),
    }
    for layer in range(SHAPE.layers):
        name = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            made |= dense(f"{name}.attention.self.{part}", width, width)
        made |= dense(f"{name}.attention.output.dense", width, width)
        made |= norm(f"{name}.attention.output.LayerNorm")
        made |= dense(f"{name}.intermediate.dense", 4 * width, width)
        made |= dense(f"{name}.output.dense", width, 4 * width)
        made |= norm(f"{name}.output.LayerNorm")
    return made


def write_reranker(folder: Path, *, precision: Precision = "int8", reader: bool = False) -> Path:
    """Writes the small reranker to `folder` and returns it."""
    write_model_folder(
        folder,
        cross_encoder(weights(), SHAPE, precision, reader=reader),
        tokenizer=(BUNDLED / "tokenizer.json").read_text(encoding="utf-8"),
        manifest={
            "kind": "reranker",
            "name": "small",
            "revision": f"{precision}-1",
            "max_tokens": 512,
            "max_query_tokens": 192,
            "languages": ["en"],
        },
    )
    return folder


def rewrite(folder: Path, **changes: object) -> None:
    """Changes the folder's manifest."""
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def approve(folder: Path) -> None:
    """Writes the folder's present checksums to its manifest."""
    files = ("model.onnx", "tokenizer.json")
    rewrite(folder, sha256={name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files})
