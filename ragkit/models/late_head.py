"""What training adds to the bundled reranker: a head on the vectors of a question's tokens.

The encoder and what it read in passages stay as they are, so an index that was ingested with the bundled
reranker serves every head. A head takes a question's vectors and weights, and gives others in their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import ModelError
from ragkit.models.bundled_model import BUNDLED_RERANKER, bundled_model
from ragkit.models.loaded import LoadedModel
from ragkit.models.manifest import LateManifest, read_manifest

HEAD_INPUTS = ("vectors", "weights")
HEAD_OUTPUTS = ("asked_vectors", "asked_weights")


class LateHead:
    """The head of a folder; loaded, and its checksum compared, by the first question.

    Args:
        folder: with `model.onnx`, `tokenizer.json` and `model.json`.
        manifest: of the folder; its `head_of` names the model whose vectors the head takes.

    Raises:
        ModelError: this ragkit does not bring that model along.

    Example:
        vectors, weights = LateHead(folder, manifest).of(vectors, weights)
    """

    def __init__(self, folder: Path, manifest: LateManifest) -> None:
        self.beneath = read_manifest(BUNDLED_RERANKER, LateManifest)
        if manifest.head_of != self.beneath.fingerprint:
            raise ModelError(
                f"{folder} is a head on {manifest.head_of}, and this ragkit brings "
                f"{self.beneath.fingerprint}. Train it again: ragkit models train-reranker --overwrite"
            )
        self._loaded = LoadedModel(folder, manifest, inputs=HEAD_INPUTS, outputs=HEAD_OUTPUTS)

    @property
    def encoder(self) -> LoadedModel:
        """The model that the head goes on from, loaded once for all."""
        return bundled_model()

    def of(self, vectors: NDArray[np.float32], weights: NDArray[np.float32]) -> Sequence[NDArray[Any]]:
        """Vectors and weights to ask with.

        Args:
            vectors: of a question's tokens, shape `[q, d]`.
            weights: of the tokens, shape `[q]`.

        Raises:
            ModelError: the file is missing or damaged, or failed.
        """
        asked, counted = self._loaded.run({"vectors": vectors[None], "weights": weights[None]})
        return asked[0], counted[0]
