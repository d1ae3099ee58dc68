"""A model folder is what its manifest says, or a typed error tells what is wrong and what mends it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from ragkit.errors import ModelError
from ragkit.models.embedder import BUNDLED, OnnxEmbedder
from ragkit.models.manifest import EmbedderManifest, read_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the bundled model that a test may damage."""
    return Path(shutil.copytree(BUNDLED, tmp_path / "model"))


def rewrite(folder: Path, **changes: object) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_the_bundled_files_stay_under_30_megabytes() -> None:
    assert sum(path.stat().st_size for path in BUNDLED.iterdir()) < 30_000_000


def test_the_bundled_model_comes_with_card_and_licence() -> None:
    assert "Apache License" in (BUNDLED / "LICENSE").read_text(encoding="utf-8")
    card = (BUNDLED / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "all-MiniLM-L6-v2" in card
    assert read_manifest(BUNDLED, EmbedderManifest).revision in card


def test_one_changed_byte_of_the_weights_is_refused(folder: Path) -> None:
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.onnx").write_bytes(content)
    embedder = OnnxEmbedder(folder)
    with pytest.raises(ModelError, match=r"model\.onnx was changed or is damaged.*fetch the model again"):
        embedder.embed(["text"], "query")


def test_a_changed_tokenizer_is_refused(folder: Path) -> None:
    with (folder / "tokenizer.json").open("a") as file:
        file.write(" ")
    with pytest.raises(ModelError, match=r"tokenizer\.json was changed"):
        OnnxEmbedder(folder).count_tokens(["text"])


def test_damage_after_a_good_load_is_seen_by_the_next_embedder(folder: Path) -> None:
    OnnxEmbedder(folder).embed(["text"], "query")
    (folder / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"model\.onnx was changed"):
        OnnxEmbedder(folder).embed(["text"], "query")


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_damage_is_seen_though_the_files_time_was_put_back(folder: Path, name: str) -> None:
    path = folder / name
    OnnxEmbedder(folder).embed(["text"], "query")
    status, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(ModelError, match=f"{name} was changed or is damaged"):
        OnnxEmbedder(folder).embed(["text"], "query")


@pytest.mark.parametrize("is_within", [False, True])
def test_weights_in_another_file_are_refused_with_the_remedy(
    folder: Path, monkeypatch: pytest.MonkeyPatch, is_within: bool
) -> None:
    model = onnx.load(folder / "model.onnx")
    (folder / "model.onnx").unlink()
    onnx.save(model, folder / "model.onnx", save_as_external_data=True, location="model.onnx.data")
    approve(folder)
    if is_within:
        monkeypatch.chdir(folder)
    with pytest.raises(ModelError, match=r"model\.onnx keeps weights in other files.*onnx\.save"):
        OnnxEmbedder(folder).embed(["text"], "query")


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"model\.onnx cannot be read"):
        OnnxEmbedder(folder).embed(["text"], "query")


def test_a_folder_without_manifest_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"not a model folder.*model\.json"):
        OnnxEmbedder(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dimension": 0}, "dimension"),
        ({"dimensions": 384}, "dimensions"),
        ({"sha256": {"model.onnx": "zz"}}, "sha256"),
        ({"sha256": {"model.onnx": "0" * 64}}, r"'sha256' lacks tokenizer\.json"),
    ],
)
def test_a_wrong_manifest_is_refused_by_key(folder: Path, changes: dict[str, object], message: str) -> None:
    rewrite(folder, **changes)
    with pytest.raises(ModelError, match=message):
        OnnxEmbedder(folder)


def test_broken_json_is_refused(folder: Path) -> None:
    (folder / "model.json").write_text("{")
    with pytest.raises(ModelError, match="not a model manifest"):
        OnnxEmbedder(folder)


def test_weights_that_onnxruntime_cannot_read_are_refused(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"not a model")
    approve(folder)
    with pytest.raises(ModelError, match=r"model\.onnx cannot be loaded by onnxruntime"):
        OnnxEmbedder(folder).embed(["text"], "query")


def test_a_tokenizer_that_cannot_be_read_is_refused(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")
    approve(folder)
    with pytest.raises(ModelError, match=r"tokenizer\.json is not a tokenizer"):
        OnnxEmbedder(folder).embed(["text"], "query")


def test_nan_is_an_error_that_names_the_text(folder: Path) -> None:
    weights = (folder / "model.onnx").read_bytes()
    quantisation_step = np.float32(1 / 127).tobytes()
    assert quantisation_step in weights
    (folder / "model.onnx").write_bytes(weights.replace(quantisation_step, np.float32("nan").tobytes()))
    approve(folder)
    with pytest.raises(ModelError, match=r"NaN or infinity for 2 of 2 texts, first for number 0: 'hello'"):
        OnnxEmbedder(folder).embed(["hello", "world"], "passage")


def approve(folder: Path) -> None:
    """Writes the folder's present checksums to its manifest."""
    files = ("model.onnx", "tokenizer.json")
    rewrite(folder, sha256={name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files})


def test_other_files_or_another_revision_give_another_fingerprint() -> None:
    manifest = read_manifest(BUNDLED, EmbedderManifest)
    other_files = manifest.model_copy(update={"sha256": manifest.sha256 | {"model.onnx": "0" * 64}})
    other_revision = manifest.model_copy(update={"revision": "int8-0"})
    again = EmbedderManifest.model_validate(json.loads((BUNDLED / "model.json").read_text()))
    assert again.fingerprint == manifest.fingerprint
    assert len({manifest.fingerprint, other_files.fingerprint, other_revision.fingerprint}) == 3


def test_a_prefix_is_put_before_its_kind_of_text(folder: Path) -> None:
    rewrite(folder, prefixes={"query": "query: "})
    prefixed, bundled = OnnxEmbedder(folder), OnnxEmbedder()
    np.testing.assert_array_equal(prefixed.embed(["cats"], "query"), bundled.embed(["query: cats"], "query"))
    np.testing.assert_array_equal(prefixed.embed(["cats"], "passage"), bundled.embed(["cats"], "passage"))
    assert prefixed.fingerprint != bundled.fingerprint
