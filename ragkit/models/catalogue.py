"""The local models there are: those that come with ragkit, and those in folders of the user's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragkit.errors import ModelError
from ragkit.models.manifest import (
    MANIFEST,
    EmbedderManifest,
    LateManifest,
    ModelManifest,
    RerankerManifest,
    read_manifest,
    verify_files,
)

BUNDLED_MODELS = Path(__file__).parent / "bundled"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model's folder, and whether it can be used.

    Args:
        folder: the model's.
        manifest: what it should hold; None where that cannot be read.
        size_bytes: of the files that the manifest names.
        problem: why it cannot be used; empty where all is well.
        is_bundled: whether it came with ragkit.
    """

    folder: Path
    manifest: ModelManifest | None = field(kw_only=True)
    size_bytes: int = field(kw_only=True)
    problem: str = field(kw_only=True)
    is_bundled: bool = field(kw_only=True)

    def line(self) -> str:
        """All of it for a terminal."""
        if self.manifest is None:
            return f"{self.folder}: {self.problem}"
        one = self.manifest
        languages = ", ".join(sorted(one.languages)) or "any language"
        source = "bundled" if self.is_bundled else str(self.folder)
        facts = (
            f"{one.kind}  {one.name} {one.revision}  {languages}  {self.size_bytes / 1e6:,.1f} MB  {source}"
        )
        return f"{facts}  {self.problem or 'files ok'}"

    def as_json(self) -> dict[str, Any]:
        """As `ragkit models list --json` prints it."""
        one = self.manifest
        return {
            "folder": str(self.folder),
            "bundled": self.is_bundled,
            "kind": one.kind if one else None,
            "name": one.name if one else None,
            "revision": one.revision if one else None,
            "fingerprint": one.fingerprint if one else None,
            "languages": sorted(one.languages) if one else [],
            "max_tokens": one.max_tokens if one else None,
            "bytes": self.size_bytes,
            "ok": not self.problem,
            "problem": self.problem or None,
        }


def listed(folders: Sequence[Path] = ()) -> list[ModelEntry]:
    """The bundled models, then those of `folders`: each a model's folder, or a folder of such folders.

    Every file is read and compared with its checksum.

    Raises:
        ModelError: a folder holds no model, nor a folder that does.
    """
    bundled = [_entry(path, is_bundled=True) for path in _below(BUNDLED_MODELS)]
    own: list[ModelEntry] = []
    for folder in folders:
        paths = [folder] if (folder / MANIFEST).exists() else list(_below(folder))
        if not paths:
            raise ModelError(
                f"{folder} holds no model: expected a folder with {MANIFEST}, or a folder of such folders"
            )
        own += [_entry(path, is_bundled=False) for path in paths]
    return [*bundled, *own]


def manifest_of(folder: Path) -> ModelManifest:
    """The manifest of a folder, whichever kind of model it holds.

    Raises:
        ModelError: it holds none.
    """
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        content = {}  # told below, with the remedy
    kind = content.get("kind") if isinstance(content, dict) else None
    forms: dict[object, type[ModelManifest]] = {
        None: EmbedderManifest,
        "embedder": EmbedderManifest,
        "reranker": RerankerManifest,
        "late-reranker": LateManifest,
    }
    if kind not in forms:
        raise ModelError(
            f"{folder / MANIFEST}: kind is {kind!r}: expected 'reranker', 'late-reranker' or 'embedder'. "
            "Upgrade ragkit"
        )
    return read_manifest(folder, forms[kind])


def _below(folder: Path) -> Iterator[Path]:
    return iter(sorted(path.parent for path in folder.glob(f"*/{MANIFEST}")))


def _entry(folder: Path, *, is_bundled: bool) -> ModelEntry:
    manifest, size, problem = None, 0, ""
    try:
        manifest = manifest_of(folder)
        size = sum((folder / name).stat().st_size for name in manifest.sha256)
        verify_files(folder, manifest)
    except (ModelError, OSError) as error:
        problem = str(error)
    return ModelEntry(folder, manifest=manifest, size_bytes=size, problem=problem, is_bundled=is_bundled)
