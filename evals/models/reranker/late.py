"""Makes the bundled reranker of the bundled embedder: the best match of each word, without any training.

    python evals/models/reranker/late.py DATA FOLDER

FOLDER lies beside the embedder's, whose file is gone on from and not repeated: the result takes 0.1 MB. A
token of the question counts the more, the fewer passages hold it: `sqrt(min(idf, 8) / 8)` over the passages
of the sets that `sets.py` does not keep for measuring. Nothing else is learnt from them, no question and no
judgement.
With `--exact MINILM` the weights are float32, from a folder with the published `model.safetensors`, and the
file is whole: what `table.py` compares with to tell what rounding costs.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from sets import Collection, collections
from tokenizers import Tokenizer

from ragkit.models.embedder import BUNDLED
from ragkit.train.bert_graph import BertShape, token_encoder, token_extension
from ragkit.train.bert_graph_folder import write_model_folder

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from convert_minilm import read_safetensors

SHAPE = BertShape(layers=6, heads=12, positions=512, norm_epsilon=1e-12)
WORDS = 30_522
MOST_IDF = 8.0
# Mean similarities lie within a few hundredths of each other; times this they are logits.
SCALE = 25.0
WIDTH = 384
MANIFEST = {
    "name": "ragkit-minilm-late",
    "kind": "late-reranker",
    "dimension": WIDTH,
    "max_tokens": 256,
    "max_query_tokens": 128,
    "scale": SCALE,
    "languages": ["en"],
}


def read_passages(data: Path) -> list[list[int]]:
    """Token ids of the passages of all sets that are not measured on, each whole."""
    tokenizer = Tokenizer.from_file(str(BUNDLED / "tokenizer.json"))
    texts = [text for collection in collections(data) for text in open_texts(collection)]
    return [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]


def open_texts(collection: Collection) -> list[str]:
    """Texts of a collection that has more than test questions, without the passages that only these judge."""
    if not collection.asked or any(one.split != "test" for one in collection.asked):
        own = range(collection.n_own)
        return [collection.passages[i].text for i in own if i not in collection.untouched]
    return []


def token_weights(passages: list[list[int]]) -> NDArray[np.float32]:
    """For each token how much it counts in a question, from 0 to 1."""
    held = np.bincount(np.concatenate([np.unique(ids) for ids in passages if ids]), minlength=WORDS)
    idf = np.log(1 + (len(passages) - held + 0.5) / (held + 0.5))
    return np.sqrt(np.minimum(idf, MOST_IDF) / MOST_IDF).astype(np.float32)


def main() -> None:
    """Command line: DATA FOLDER [--exact MINILM]."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--exact", type=Path, metavar="MINILM")
    arguments = parser.parse_args()
    heads = {
        "token_weights": token_weights(read_passages(arguments.data)),
        "weigher.weight": np.zeros((1, WIDTH), np.float32),
    }
    if arguments.exact:
        published = read_safetensors(arguments.exact / "model.safetensors")
        graph = token_encoder(published | heads, SHAPE, "fp32")
        manifest = MANIFEST | {"revision": "fp32-1"}
    else:
        encoder = (BUNDLED / "model.onnx").read_bytes()
        graph = token_extension(onnx.load_model_from_string(encoder), heads)
        extended = {"folder": f"../{BUNDLED.name}", "sha256": hashlib.sha256(encoder).hexdigest()}
        manifest = MANIFEST | {"revision": "int8-1", "extends": extended}
    tokenizer = (BUNDLED / "tokenizer.json").read_text(encoding="utf-8")
    write_model_folder(arguments.folder, graph, tokenizer=tokenizer, manifest=manifest)


if __name__ == "__main__":
    main()
