"""The encoder that comes with the package, loaded once for whoever embeds and whoever reranks."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ragkit.models.loaded import LoadedModel
from ragkit.models.manifest import LateManifest, read_manifest

BUNDLED_RERANKER = Path(__file__).parent / "bundled" / "reranker"
OUTPUTS = ("vectors", "weights")


@cache
def bundled_model() -> LoadedModel:
    """The embedder's file as the reranker's continues it: one pass gives the outputs of both."""
    manifest = read_manifest(BUNDLED_RERANKER, LateManifest)
    return LoadedModel(
        BUNDLED_RERANKER,
        manifest,
        inputs=("input_ids",),
        outputs=OUTPUTS,
        shared=("sentence_embedding", *OUTPUTS),  # the dense arm and the reranker ask for the same question
    )
