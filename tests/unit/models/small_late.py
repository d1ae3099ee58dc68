"""A late-interaction reranker of random weights, small enough to be made in a test, and its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ragkit.models.embedder import BUNDLED
from ragkit.train.bert_graph import Precision, Weights, token_encoder
from ragkit.train.bert_graph_folder import write_model_folder
from tests.unit.models.small_reranker import SHAPE, WIDTH, WORDS, weights

SCALE = 4.0


def late_weights(seed: int = 0, width: int = WIDTH) -> Weights:
    """Random tensors of an encoder, and weights of its tokens."""
    rng = np.random.default_rng(seed)
    return weights(seed, width) | {
        "token_weights": rng.uniform(0.1, 1, WORDS).astype(np.float32),
        "weigher.weight": rng.normal(0, 0.1, (1, width)).astype(np.float32),
    }


def write_late(folder: Path, *, precision: Precision = "int8", width: int = WIDTH, **changes: Any) -> Path:
    """Writes the small reranker, whose vectors have `width` numbers, to `folder` and returns it."""
    write_model_folder(
        folder,
        token_encoder(late_weights(width=width), SHAPE, precision),
        tokenizer=(BUNDLED / "tokenizer.json").read_text(encoding="utf-8"),
        manifest={
            "kind": "late-reranker",
            "name": "small-late",
            "revision": f"{precision}-1",
            "dimension": width,
            "max_tokens": 256,
            "max_query_tokens": 128,
            "scale": SCALE,
            "languages": ["en"],
            **changes,
        },
    )
    return folder
