"""One cross-encoder twice, for `reranking.py`: as ragkit loads it, and in sentence-transformers."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.models.embedder import BUNDLED
from ragkit.models.pairs import PairEncoder, pair_arrays
from ragkit.models.tokenizer import TextTokenizer
from ragkit.train.bert_graph import BertShape, Precision, Weights, cross_encoder
from ragkit.train.bert_graph_calibration import channel_magnitudes
from ragkit.train.bert_graph_folder import write_model_folder

Scorer = Callable[[str, Sequence[str]], Any]

WIDTH, INNER, WORDS = 384, 1536, 30522
SHAPE = BertShape(layers=6, heads=12, positions=512, norm_epsilon=1e-12)

# The pooler of transformers is a product and a tanh that our model has not: with a tiny multiple of the
# identity, made good in the head, the tanh is a straight line.
POOLER = 1e-3


def random_weights(seed: int) -> Weights:
    """Tensors of the shape of MiniLM-L6 under the names of the published checkpoint."""
    rng = np.random.default_rng(seed)

    def matrix(*sizes: int) -> NDArray[np.float32]:
        return rng.normal(0, 0.05, sizes).astype(np.float32)

    def dense(name: str, out: int, into: int) -> Weights:
        return {f"{name}.weight": matrix(out, into), f"{name}.bias": matrix(out)}

    def norm(name: str) -> Weights:
        return {f"{name}.weight": np.ones(WIDTH, np.float32), f"{name}.bias": np.zeros(WIDTH, np.float32)}

    made: dict[str, NDArray[np.float32]] = {**norm("embeddings.LayerNorm"), **dense("classifier", 1, WIDTH)}
    for table, rows in (("word", WORDS), ("position", SHAPE.positions), ("token_type", 2)):
        made[f"embeddings.{table}_embeddings.weight"] = matrix(rows, WIDTH)
    for layer in range(SHAPE.layers):
        name = f"encoder.layer.{layer}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            made |= dense(f"{name}.attention.{part}", WIDTH, WIDTH)
        made |= dense(f"{name}.intermediate.dense", INNER, WIDTH) | dense(
            f"{name}.output.dense", WIDTH, INNER
        )
        made |= norm(f"{name}.attention.output.LayerNorm") | norm(f"{name}.output.LayerNorm")
    return made


def read_weights(path: Path, seed: int) -> Weights:
    """The float32 tensors of a safetensors file; a head that it lacks is drawn at random."""
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    tensors: dict[str, NDArray[np.float32]] = {
        name: random_weights(seed)[name] for name in ("classifier.weight", "classifier.bias")
    }
    for name, entry in json.loads(content[8 : 8 + size]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = (8 + size + offset for offset in entry["data_offsets"])
            tensors[name] = np.frombuffer(content[start:end], "<f4").reshape(entry["shape"])
    return tensors


def write_ours(
    folder: Path, weights: Weights, precision: Precision, seen: Iterable[tuple[str, Sequence[str]]]
) -> None:
    """The folder of a reranker with these weights, converted with what the queries and passages showed."""
    tokenizer = BUNDLED / "tokenizer.json"
    encoder = PairEncoder(TextTokenizer(tokenizer), max_tokens=512, max_query_tokens=192)
    pairs = [pair_arrays([pair]) for query, passages in seen for pair in encoder.encode(query, passages)]
    magnitudes = channel_magnitudes(weights, SHAPE, pairs)
    write_model_folder(
        folder,
        cross_encoder(weights, SHAPE, precision, magnitudes=magnitudes),
        tokenizer=tokenizer.read_text(encoding="utf-8"),
        manifest={
            "kind": "reranker",
            "name": "benchmark",
            "revision": precision,
            "max_tokens": 512,
            "max_query_tokens": 192,
        },
    )


def original(folder: Path, weights: Mapping[str, NDArray[np.float32]], threads: int) -> Scorer:
    """The same weights in a CrossEncoder of sentence-transformers, float32 on the CPU."""
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    import torch
    import transformers
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    torch.set_num_threads(threads)
    transformers.utils.logging.disable_progress_bar()
    config = BertConfig(
        vocab_size=WORDS,
        hidden_size=WIDTH,
        num_hidden_layers=SHAPE.layers,
        num_attention_heads=SHAPE.heads,
        intermediate_size=INNER,
        num_labels=1,
    )
    tensors = {f"bert.{name}": value for name, value in weights.items() if name.startswith(("emb", "enc"))}
    tensors["bert.pooler.dense.weight"] = (POOLER * np.eye(WIDTH)).astype(np.float32)
    tensors["bert.pooler.dense.bias"] = np.zeros(WIDTH, np.float32)
    tensors["classifier.weight"] = weights["classifier.weight"] / np.float32(POOLER)
    tensors["classifier.bias"] = weights["classifier.bias"]
    model = BertForSequenceClassification(config)
    model.load_state_dict({name: torch.tensor(value.copy()) for name, value in tensors.items()})
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_file=str(BUNDLED / "tokenizer.json"),
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        unk_token="[UNK]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    ).save_pretrained(folder)
    loaded = CrossEncoder(str(folder), device="cpu", max_length=512, activation_fn=torch.nn.Identity())

    def score(query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        pairs = [(query, passage) for passage in passages]
        return np.asarray(loaded.predict(pairs, batch_size=32, show_progress_bar=False))

    return score
