"""`model.json`: what a local model folder holds, and proof that its files are the ones that were made."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, PositiveInt, StringConstraints, ValidationError

from ragkit.errors import ModelError
from ragkit.settings import Settings

MANIFEST = "model.json"
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Prefixes(Settings):
    """Text put before a query or a passage: some models were trained to tell them apart by it."""

    query: str = ""
    passage: str = ""


class ModelManifest(Settings):
    """The content of `model.json`.

    Args:
        name: the model's name, for people.
        revision: changes when the same model is converted in another way.
        dimension: length of a vector.
        max_tokens: texts are cut after this many tokens, the two special ones included.
        languages: ISO 639-1 codes it was trained on; empty means any language.
        prefixes: text put before a query or a passage.
        sha256: checksum of each file of the folder, at least of `model.onnx` and `tokenizer.json`.

    >>> from pathlib import Path
    >>> import ragkit.models.manifest as manifest
    >>> bundled = Path(manifest.__file__).parent / "bundled" / "minilm"
    >>> manifest.read_manifest(bundled).dimension
    384
    """

    name: str
    revision: str
    dimension: PositiveInt
    max_tokens: Annotated[int, Field(ge=3)]
    languages: frozenset[str] = frozenset()
    prefixes: Prefixes = Prefixes()
    sha256: dict[str, Sha256]

    @property
    def fingerprint(self) -> str:
        """Identifies the vector space: name, revision, and a digest of all that shapes a vector."""
        shaping = self.model_dump(mode="json", include={"max_tokens", "prefixes", "sha256"})
        digest = hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()
        return f"{self.name}@{self.revision}+{digest[:12]}"


def read_manifest(folder: Path) -> ModelManifest:
    """The manifest of a model folder; its files are not opened.

    Raises:
        ModelError: there is no `model.json`, or it is not a manifest.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_bytes())
        manifest = ModelManifest.model_validate(content)
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


def verify_files(folder: Path, manifest: ModelManifest) -> None:
    """Compares each file with its checksum in the manifest; an unchanged file is read once per process.

    Raises:
        ModelError: a file is missing or is not the one that the manifest was made with.
    """
    for name, expected in manifest.sha256.items():
        path = folder / name
        try:
            status = path.stat()
            found = _file_sha256(path, status.st_size, status.st_mtime_ns)
        except OSError as error:
            raise ModelError(
                f"{path} cannot be read ({error.strerror}). Install ragkit or fetch the model again."
            ) from error
        if found != expected:
            raise ModelError(
                f"{path} was changed or is damaged: sha256 {found[:12]}…, expected {expected[:12]}…. "
                "Install ragkit or fetch the model again."
            )


@cache
def _file_sha256(path: Path, _size: int, _modified_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
