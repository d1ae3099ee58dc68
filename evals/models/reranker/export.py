"""Writes the trained reranker as the folder that ragkit loads.

    python evals/models/reranker/export.py OUT FOLDER

Reads OUT/weights.npz from `train.py`; some dozens of the questions in OUT/judged.json tell how large its
activations get, which decides how they are rounded.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from train import HEADS

from ragkit.models.embedder import BUNDLED
from ragkit.train.cross_encoder import CrossEncoder, EncoderShape
from ragkit.train.export import write_model

CALIBRATED = 40  # questions
MANIFEST = {
    "name": "ragkit-minilm-reranker",
    "revision": "int8-1",
    "kind": "reranker",
    "max_tokens": 512,
    "max_query_tokens": 192,
    "languages": ["en"],
}


def main() -> None:
    """Command line: OUT FOLDER."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    with np.load(arguments.out / "weights.npz") as saved:
        weights = {name: saved[name].astype(np.float32) for name in saved.files}
    model = CrossEncoder(EncoderShape.of(weights, heads=HEADS), dropout=0.0)
    model.take(weights)
    judged = json.loads((arguments.out / "judged.json").read_text(encoding="utf-8"))
    kept_apart = [one for one in judged if one["split"] == "fit"]
    chosen = np.random.default_rng(0).choice(len(kept_apart), CALIBRATED, replace=False)
    asked = [(kept_apart[i]["text"], kept_apart[i]["passages"][:4]) for i in chosen]
    write_model(
        arguments.folder, model.eval(), asked, tokenizer=BUNDLED / "tokenizer.json", manifest=MANIFEST
    )


if __name__ == "__main__":
    main()
