"""A head on the bundled reranker: what it changes, what it goes by, what it refuses."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import ragkit
from ragkit.config.defaults import default_text
from ragkit.errors import ModelError
from ragkit.models.bundled_embedder import BundledEmbedder
from ragkit.models.bundled_reranker import BUNDLED_RERANKER, BundledReranker
from ragkit.models.late_reranker import LateReranker
from ragkit.models.manifest import LateManifest, read_manifest
from ragkit.models.own_reranker import OwnReranker
from ragkit.protocols import PassageReader
from ragkit.types import Document

pytest.importorskip("onnx", reason="needs the extra train: make test EXTRAS=all")

from ragkit.train.bert_graph_folder import write_model_folder
from ragkit.train.head_graph import head_graph, head_weights

WIDTH = 384
QUERY = "How long may I keep a rented car?"
PASSAGES = [
    "A car can be borrowed for three days.",
    "Rent is due in May.",
    "",
    "Он взял автомобиль.",
    "car " * 400,
]


def write_head(folder: Path, seed: int | None, **changes: object) -> Path:
    """A head of random weights; None: one that changes nothing."""
    rng = np.random.default_rng(seed)
    shapes = {"change": (WIDTH, WIDTH), "shift": (WIDTH,), "weigher": (WIDTH,)}
    weights = {
        name: (0.0 if seed is None else 0.05) * rng.normal(size=shape).astype(np.float32)
        for name, shape in shapes.items()
    }
    weights = {name: value.astype(np.float32) for name, value in weights.items()}
    beneath = read_manifest(BUNDLED_RERANKER, LateManifest)
    described = beneath.model_dump(mode="json", exclude={"sha256", "extends"})
    tokenizer = (BUNDLED_RERANKER / "tokenizer.json").read_text(encoding="utf-8")
    manifest = {**described, "name": "head", "head_of": beneath.fingerprint, **changes}
    write_model_folder(folder, head_graph(weights), tokenizer=tokenizer, manifest=manifest)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_head(tmp_path_factory.mktemp("head"), 1)


def test_a_head_that_changes_nothing_scores_as_the_bundled_reranker(tmp_path: Path) -> None:
    own = LateReranker(write_head(tmp_path, None), threads=1)
    assert (own.score(QUERY, PASSAGES) == BundledReranker(threads=1).score(QUERY, PASSAGES)).all()
    assert own.fingerprint != BundledReranker(threads=1).fingerprint


def test_a_head_changes_scores_as_its_weights_say(folder: Path) -> None:
    head = head_weights((folder / "model.onnx").read_bytes())
    vectors, weights = BundledReranker(threads=1).question(QUERY)
    asked, counted = LateReranker(folder, threads=1).question(QUERY)
    assert asked == pytest.approx(vectors + vectors @ head["change"].T + head["shift"], abs=1e-5)
    assert counted == pytest.approx(weights * np.exp(vectors @ head["weigher"]), rel=1e-5)
    assert (
        LateReranker(folder, threads=1).score(QUERY, PASSAGES)
        != BundledReranker(threads=1).score(QUERY, PASSAGES)
    )[[0, 1, 3, 4]].all()


def test_what_the_bundled_reranker_read_serves_a_head(folder: Path) -> None:
    own, embedder = OwnReranker(folder=folder, threads=1), BundledEmbedder(threads=1)
    assert isinstance(own, PassageReader)
    assert own.reads_with(embedder)
    _, readings = BundledReranker(threads=1).embed_and_read(PASSAGES, embedder)
    scores, n_read = own.score_read(QUERY, PASSAGES, readings)
    assert n_read == 0
    assert (scores == own.score(QUERY, PASSAGES)).all()
    assert own.embed_and_read(PASSAGES, embedder)[1] == readings


def test_a_head_s_own_limits_do_not_change_what_is_read_in_passages(tmp_path: Path) -> None:
    own, embedder = (
        LateReranker(write_head(tmp_path, 1, max_tokens=200), threads=1),
        BundledEmbedder(threads=1),
    )
    _, readings = BundledReranker(threads=1).embed_and_read(PASSAGES, embedder)
    assert own.embed_and_read(PASSAGES, embedder)[1] == readings
    assert (own.score(QUERY, PASSAGES) == own.score_read(QUERY, PASSAGES, readings)[0]).all()


def test_an_index_of_the_default_graph_is_asked_by_a_head_without_reading_anew(
    folder: Path, tmp_path: Path
) -> None:
    with ragkit.open(tmp_path / "index") as rag:
        rag.ingest([Document(str(i), text) for i, text in enumerate(PASSAGES[:2])], progress=False)
    config = tmp_path / "rag.yaml"
    (tmp_path / "default").mkdir()
    text = (
        default_text()
        .replace("rerank/bundled", "rerank/onnx")
        .replace("{use: rerank/onnx}", f"{{use: rerank/onnx, folder: {json.dumps(str(folder))}}}")
    )
    config.write_text(text, encoding="utf-8")
    with ragkit.load(config, set={"stores.local.path": str(tmp_path / "index")}) as rag:
        answer = rag.ask(QUERY)
        (node,) = [one for one in rag.trace(answer.trace_id)["nodes"] if one["node"] == "rerank"]
        assert (node["facts"]["scored"], node["facts"]["read"]) == (2, 0)


def test_a_head_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is a head on other@1\+aa, and this ragkit brings ragkit-minilm"):
        LateReranker(write_head(tmp_path, 1, head_of="other@1+aa"))


def test_a_damaged_head_is_refused_by_its_first_question(folder: Path, tmp_path: Path) -> None:
    damaged = Path(shutil.copytree(folder, tmp_path / "head"))
    flipped = bytearray((damaged / "model.onnx").read_bytes())
    flipped[len(flipped) // 2] ^= 1
    (damaged / "model.onnx").write_bytes(flipped)
    with pytest.raises(ModelError, match="was changed or is damaged"):
        LateReranker(damaged, threads=1).score(QUERY, PASSAGES)
    # Approved by its checksum, and yet no head.
    content = BUNDLED_RERANKER.parent.joinpath("minilm", "model.onnx").read_bytes()
    (damaged / "model.onnx").write_bytes(content)
    described = json.loads((damaged / "model.json").read_text())
    described["sha256"]["model.onnx"] = hashlib.sha256(content).hexdigest()
    (damaged / "model.json").write_text(json.dumps(described))
    with pytest.raises(ModelError, match="takes input_ids and gives sentence_embedding"):
        LateReranker(damaged, threads=1).score(QUERY, PASSAGES)
