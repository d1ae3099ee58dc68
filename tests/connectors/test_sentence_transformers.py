"""The torch runtime on real models: small, with random weights, made here and saved as a hub model is."""

from __future__ import annotations

import importlib
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit import registry
from ragkit.errors import ModelError
from ragkit.protocols import Embedder, Reranker

torch = pytest.importorskip("torch", reason="needs the extra sentence-transformers: make test EXTRAS=all")
pytest.importorskip(
    "sentence_transformers", reason="needs the extra sentence-transformers: make test EXTRAS=all"
)

pytestmark = [
    pytest.mark.torch,
    # Deprecations inside torch and transformers are theirs to mend.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

TEXTS = ["a short one", "a much longer text about the warranty of a handheld scanner " * 5, "", "гарантия"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers with random weights and the bundled vocabulary, in the layout of the hub."""
    from tokenizers import Tokenizer

    # Untyped on purpose: its types differ with and without the package installed.
    transformers: Any = importlib.import_module("transformers")

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model")
    with resources.as_file(resources.files("ragkit.models") / "bundled/minilm/tokenizer.json") as file:
        tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=128,
    ).save_pretrained(path)
    config = transformers.BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    config.num_labels = 1
    transformers.BertForSequenceClassification(config).save_pretrained(path, safe_serialization=True)
    return path


def test_embedder_agrees_with_the_library(folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    embedder = registry.load("embed/sentence-transformers")(model=str(folder), device="cpu")
    assert isinstance(embedder, Embedder)
    ours = embedder.embed(TEXTS, "passage")
    theirs = SentenceTransformer(str(folder), device="cpu").encode(TEXTS, normalize_embeddings=True)
    assert ours.dtype == np.float32
    assert ours.shape == (len(TEXTS), embedder.dimension) == (4, 32)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_vector_does_not_depend_on_its_neighbours(folder: Path) -> None:
    embedder = registry.load("embed/sentence-transformers")(model=str(folder), device="cpu")
    alone = np.concatenate([embedder.embed([text], "passage") for text in TEXTS])
    np.testing.assert_allclose(embedder.embed(TEXTS, "passage"), alone, atol=1e-5)


def test_prefixes_tell_queries_from_passages(folder: Path) -> None:
    embedder = registry.load("embed/sentence-transformers")(
        model=str(folder), device="cpu", query_prefix="query: ", passage_prefix="passage: "
    )
    plain = registry.load("embed/sentence-transformers")(model=str(folder), device="cpu")
    np.testing.assert_allclose(
        embedder.embed(["warranty"], "query"), plain.embed(["query: warranty"], "query"), atol=1e-5
    )
    assert embedder.fingerprint != plain.fingerprint


def test_no_texts_give_no_vectors(folder: Path) -> None:
    embedder = registry.load("embed/sentence-transformers")(model=str(folder), device="cpu")
    assert embedder.embed([], "query").shape == (0, 32)


def test_reranker_agrees_with_the_library(folder: Path) -> None:
    from sentence_transformers import CrossEncoder

    reranker = registry.load("rerank/cross-encoder")(model=str(folder), device="cpu")
    assert isinstance(reranker, Reranker)
    ours = reranker.score("how long is the warranty?", TEXTS)
    pairs = [("how long is the warranty?", text) for text in TEXTS]
    theirs = CrossEncoder(str(folder), device="cpu").predict(pairs)
    assert ours.shape == (4,)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("name", ["embed/sentence-transformers", "rerank/cross-encoder"])
def test_a_folder_without_a_model_says_what_is_expected(tmp_path: Path, name: str) -> None:
    model = registry.load(name)(model=str(tmp_path), device="cpu")
    with pytest.raises(ModelError, match=r"cannot be loaded.*local folder\s+with safetensors"):
        model.embed(["x"], "query") if name.startswith("embed") else model.score("x", ["y"])
