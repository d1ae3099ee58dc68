"""What every local model of a folder says of itself, and how it is loaded and given threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic

import numpy as np

from ragkit.errors import ConfigError, ModelError
from ragkit.models.loaded import LoadedModel
from ragkit.models.manifest import LateManifest, Manifest, RerankerManifest, read_manifest
from ragkit.models.workers import usable_cores
from ragkit.protocols import Vectors


class LocalModel(Generic[Manifest]):
    """The model of a folder: `model.onnx`, `tokenizer.json`, `model.json`; loaded by the first call.

    Args:
        folder: the model's folder.
        form: the manifest of its kind.
        loaded: its files, where another model has loaded them already.
        inputs, outputs: names of what the model is run with, and of what is asked of it.
        threads: cores to use, at least 1; None: those this process may run on.
        role: what the model is called in messages.

    Raises:
        ModelError: the folder holds no such model.
        ConfigError: `threads` is below 1.
    """

    def __init__(
        self,
        folder: str | Path,
        form: type[Manifest],
        *,
        inputs: Sequence[str],
        outputs: Sequence[str],
        threads: int | None,
        role: str,
        loaded: LoadedModel | None = None,
    ) -> None:
        if threads is not None and threads < 1:
            raise ConfigError(f"{role}: threads is {threads}; give 1 or more, or leave it out for all cores")
        self.threads = threads or usable_cores()
        self.manifest = read_manifest(Path(folder), form)
        self._model = loaded or LoadedModel(Path(folder), self.manifest, inputs=inputs, outputs=outputs)

    @property
    def name(self) -> str:
        """The model's name, for people."""
        return self.manifest.name

    @property
    def revision(self) -> str:
        """How the model was converted."""
        return self.manifest.revision

    @property
    def fingerprint(self) -> str:
        """Identifies what the model gives: results of two fingerprints must never be compared."""
        return self.manifest.fingerprint

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes that the model was trained on; empty means any language."""
        return self.manifest.languages

    def _check_finite(self, values: Vectors, texts: Sequence[str], kind: str) -> None:
        """Refuses NaN and infinity in `values`, shape `[n, …]`, one row for each text."""
        if not texts:
            return
        unusable = np.flatnonzero(~np.isfinite(values.reshape(len(texts), -1)).all(axis=1))
        if unusable.size:
            raise ModelError(
                f"{self.fingerprint} gave NaN or infinity for {unusable.size} of {len(texts)} {kind}, "
                f"first for number {unusable[0]}: {texts[unusable[0]][:80]!r}. "
                "Install ragkit or fetch the model again."
            )


class BlendedModel(LocalModel[Manifest]):
    """A local reranker, whose manifest may say how its scores are weighed against the order before."""

    @property
    def blend(self) -> Mapping[str, Any] | None:
        """How the model's maker weighs its scores against the order before reranking, if told."""
        manifest = self.manifest
        return manifest.blend if isinstance(manifest, RerankerManifest | LateManifest) else None
