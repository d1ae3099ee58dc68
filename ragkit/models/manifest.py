"""`model.json`: what a local model folder holds, and proof that its files are the ones that were made."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, PositiveInt, StringConstraints, ValidationError, model_validator

from ragkit.errors import ModelError
from ragkit.settings import Settings

MANIFEST = "model.json"
PAIR_SPECIAL_TOKENS = 3  # [CLS] question [SEP] passage [SEP]
FRAME_TOKENS = 2  # [CLS] text [SEP]
WINDOW_OVERLAP = 32  # tokens of a long passage that two neighbouring windows share
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Prefixes(Settings):
    """Text put before a query or a passage: some models were trained to tell them apart by it."""

    query: str = ""
    passage: str = ""


class ModelManifest(Settings):
    """The content of `model.json` that every kind of model has.

    Args:
        kind: what the model does.
        name: the model's name, for people.
        revision: changes when the same model is converted in another way.
        max_tokens: texts are cut after this many tokens, the special ones included.
        languages: ISO 639-1 codes it was trained on; empty means any language.
        sha256: checksum of each file of the folder, at least of `model.onnx` and `tokenizer.json`.
    """

    kind: str
    name: str
    revision: str
    max_tokens: Annotated[int, Field(ge=3)]
    languages: frozenset[str] = frozenset()
    sha256: dict[str, Sha256]

    @property
    def fingerprint(self) -> str:
        """Identifies what the model gives: name, revision, and a digest of all that shapes a result."""
        shaping = self.model_dump(mode="json", include=self._shaping())
        digest = hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()
        return f"{self.name}@{self.revision}+{digest[:12]}"

    def _shaping(self) -> set[str]:
        return {"max_tokens", "sha256"}


class EmbedderManifest(ModelManifest):
    """The content of an embedder's `model.json`.

    Args:
        dimension: length of a vector.
        prefixes: text put before a query or a passage.

    >>> from pathlib import Path
    >>> import ragkit.models.manifest as manifest
    >>> bundled = Path(manifest.__file__).parent / "bundled" / "minilm"
    >>> manifest.read_manifest(bundled, manifest.EmbedderManifest).dimension
    384
    """

    kind: Literal["embedder"] = "embedder"
    dimension: PositiveInt
    prefixes: Prefixes = Prefixes()

    def _shaping(self) -> set[str]:
        return {"max_tokens", "prefixes", "sha256"}


class RerankerManifest(ModelManifest):
    """The content of a reranker's `model.json`.

    Args:
        max_tokens: of question and passage together; a longer passage is read in windows.
        max_query_tokens: a question is cut after this many tokens.
        blend: how to weigh the score against the order before reranking; kept as it is.
    """

    kind: Literal["reranker"]
    max_query_tokens: PositiveInt
    blend: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _leaves_room(self) -> Self:
        room = self.max_tokens - self.max_query_tokens - PAIR_SPECIAL_TOKENS
        if room <= WINDOW_OVERLAP:
            raise ValueError(
                f"max_tokens {self.max_tokens} leaves {room} tokens for a passage after a question of "
                f"max_query_tokens {self.max_query_tokens}; more than {WINDOW_OVERLAP} are needed"
            )
        return self

    def _shaping(self) -> set[str]:
        return {"max_tokens", "max_query_tokens", "sha256"}


class Extended(Settings):
    """A file of another model's folder that a model's own `model.onnx` is the continuation of.

    Args:
        folder: of the other model, relative to this one's.
        sha256: of its `model.onnx`.
    """

    folder: str
    sha256: Sha256


class LateManifest(ModelManifest):
    """The content of `model.json` of a reranker that compares a question with a passage token by token.

    Args:
        dimension: length of a token's vector.
        max_tokens: of a question or of a window of a passage; a longer passage is read in windows.
        max_query_tokens: a question is cut after this many tokens.
        scale: what the mean similarity is multiplied by to give a logit.
        extends: the encoder's file that `model.onnx` goes on from; None where it is whole.
        head_of: fingerprint of the model whose vectors of a question `model.onnx` changes; None where it
            reads texts itself.
        blend: how to weigh the score against the order before reranking; kept as it is.
    """

    kind: Literal["late-reranker"]
    dimension: PositiveInt
    max_query_tokens: PositiveInt
    scale: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
    extends: Extended | None = None
    head_of: str | None = None
    blend: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _leaves_room(self) -> Self:
        room = self.max_tokens - FRAME_TOKENS
        if room <= WINDOW_OVERLAP or room < self.max_query_tokens:
            raise ValueError(
                f"max_tokens {self.max_tokens} leaves {room} tokens for a text; more than {WINDOW_OVERLAP} "
                f"and at least max_query_tokens, {self.max_query_tokens}, are needed"
            )
        return self

    def _shaping(self) -> set[str]:
        own = {"max_tokens", "max_query_tokens", "scale", "extends", "sha256"}
        # Only where there is one: what was read in passages carries the fingerprint of before heads.
        return own if self.head_of is None else own | {"head_of"}


Manifest = TypeVar("Manifest", bound=ModelManifest)


def read_manifest(folder: Path, form: type[Manifest]) -> Manifest:
    """The manifest of a model folder; its files are not opened.

    Args:
        folder: the model's.
        form: `EmbedderManifest`, `RerankerManifest` or `LateManifest`: what is needed.

    Raises:
        ModelError: there is no `model.json`, it is not a manifest, or it is of another kind of model.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_bytes())
        _check_kind(folder, content, form)
        manifest = form.model_validate(content)
    except OSError as error:
        raise ModelError(
            f"{folder} is not a model folder: {path} cannot be read ({error.strerror}). "
            "Give a folder with model.json, model.onnx and tokenizer.json."
        ) from error
    except (ValidationError, ValueError) as error:
        raise ModelError(
            f"{path} is not a model manifest: {error}. Convert or fetch the model again."
        ) from error
    missing = {"model.onnx", "tokenizer.json"} - manifest.sha256.keys()
    if missing:
        raise ModelError(
            f"{path}: 'sha256' lacks {', '.join(sorted(missing))}. Convert or fetch the model again."
        )
    return manifest


def _check_kind(folder: Path, content: object, form: type[ModelManifest]) -> None:
    # Folders of before the first reranker do not say their kind: all of them are embedders.
    found = content.get("kind", "embedder") if isinstance(content, dict) else None
    for kind, wanted, use in _KINDS:
        if found == kind and form is not wanted:
            needed = next(name for name, other, _ in _KINDS if other is form)
            raise ModelError(
                f"{folder} holds {_article(kind)}, and {_article(needed)} is needed. "
                f"Give the folder of {_article(needed)}, or use this one as {use}."
            )


_KINDS: tuple[tuple[str, type[ModelManifest], str], ...] = (
    ("embedder", EmbedderManifest, "OnnxEmbedder(folder)"),
    ("reranker", RerankerManifest, "OnnxReranker(folder) or `use: rerank/onnx`"),
    ("late-reranker", LateManifest, "LateReranker(folder) or `use: rerank/bundled`"),
)


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def verify_files(folder: Path, manifest: ModelManifest, *, but: str = "") -> None:
    """Compares each file with its checksum in the manifest; one whose time and size stay is read once.

    Args:
        folder: the model's.
        manifest: what it should hold.
        but: a file that is left out.

    Raises:
        ModelError: a file is missing or is not the one that the manifest was made with.
    """
    for name, expected in manifest.sha256.items():
        if name == but:
            continue
        path = folder / name
        try:
            status = path.stat()
            found = _file_sha256(path, status.st_size, status.st_mtime_ns)
        except OSError as error:
            raise _unreadable(path, error) from error
        _compare(path, found, expected)


def verified_bytes(folder: Path, manifest: ModelManifest, name: str) -> bytes:
    """A file's content, which is what the manifest names: nothing can change it between check and use.

    Raises:
        ModelError: the file is missing or is not the one that the manifest was made with.
    """
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    _compare(path, hashlib.sha256(content).hexdigest(), manifest.sha256[name])
    return content


def model_bytes(folder: Path, manifest: ModelManifest) -> bytes:
    """The whole of a model's graph, with what its `model.onnx` goes on from, each compared with its checksum.

    Raises:
        ModelError: a file is missing or is not the one that the manifest was made with.
    """
    own = verified_bytes(folder, manifest, "model.onnx")
    extended = manifest.extends if isinstance(manifest, LateManifest) else None
    if extended is None:
        return own
    path = folder / extended.folder / "model.onnx"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    _compare(path, hashlib.sha256(content).hexdigest(), extended.sha256)
    return content + own


def _unreadable(path: Path, error: OSError) -> ModelError:
    return ModelError(f"{path} cannot be read ({error.strerror}). Install ragkit or fetch the model again.")


def _compare(path: Path, found: str, expected: str) -> None:
    if found != expected:
        raise ModelError(
            f"{path} was changed or is damaged: sha256 {found[:12]}…, expected {expected[:12]}…. "
            "Install ragkit or fetch the model again; one that you trained, train again with --overwrite."
        )


@cache
def _file_sha256(path: Path, _size: int, _modified_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
