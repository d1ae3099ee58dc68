"""What training starts from: the weights, the tokenizer and the limits of a local model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ragkit.errors import ConfigError
from ragkit.models.bundled_reranker import BUNDLED_RERANKER
from ragkit.models.catalogue import manifest_of
from ragkit.models.embedder import BUNDLED
from ragkit.models.late_head import LateHead
from ragkit.models.manifest import (
    MANIFEST,
    LateManifest,
    ModelManifest,
    RerankerManifest,
    model_bytes,
    verify_files,
)
from ragkit.train.bert_weights import BertWeights, parsed_bert_weights

MAX_TOKENS = 384  # chunks of the default size, their headings and a question
MAX_QUERY_TOKENS = 128


@dataclass(frozen=True, slots=True, eq=False)
class StartModel:
    """A local model to train from.

    Args:
        folder: where it lies.
        manifest: of the folder.
        bert: its weights; None of a head, which goes on from an encoder that is not trained.
    """

    folder: Path
    manifest: ModelManifest
    bert: BertWeights | None

    @property
    def encoder(self) -> BertWeights:
        """The weights of all layers.

        Raises:
            ConfigError: it is a head.
        """
        if self.bert is None:
            raise ConfigError(
                f"{self.folder} holds a head, which has no layers to train. Leave out `--learn all`, or "
                "start from another model with --from"
            )
        return self.bert

    @property
    def is_head(self) -> bool:
        """Whether it is a head on the bundled reranker."""
        return isinstance(self.manifest, LateManifest) and self.manifest.head_of is not None

    @property
    def takes_head(self) -> bool:
        """Whether a head can be trained on it: it is the bundled reranker, or has one."""
        return self.is_head or self.folder == BUNDLED_RERANKER

    @property
    def is_reranker(self) -> bool:
        """Whether it ranks already; an encoder starts with a head of random weights."""
        return isinstance(self.manifest, RerankerManifest | LateManifest)

    @property
    def scale(self) -> float | None:
        """What a model that compares token by token multiplies similarities by; None for the other kinds."""
        return self.manifest.scale if isinstance(self.manifest, LateManifest) else None

    @property
    def positions(self) -> int:
        """Tokens of the longest pair that it has positions for."""
        if self.bert is None:
            return self.manifest.max_tokens
        return int(self.bert.tensors["embeddings.position_embeddings.weight"].shape[0])

    @property
    def max_tokens(self) -> int:
        """Longest pair to train with."""
        own = self.manifest.max_tokens if isinstance(self.manifest, LateManifest) else self.positions
        return min(MAX_TOKENS, self.positions, own)

    @property
    def max_query_tokens(self) -> int:
        """Longest question to train with."""
        own = self.positions
        if isinstance(self.manifest, RerankerManifest | LateManifest):
            own = self.manifest.max_query_tokens
        return min(MAX_QUERY_TOKENS, own, self.max_tokens // 2)


def start_model(folder: Path | None = None) -> StartModel:
    """The model of a folder; else the bundled reranker, or where there is none the bundled encoder.

    What is trained is of the kind that it starts from; from an encoder it is a cross-encoder.

    Raises:
        ModelError: the folder holds no model that ragkit wrote, a damaged one, or a head on another model
            than this ragkit brings.
    """
    if folder is None:
        folder = BUNDLED_RERANKER if (BUNDLED_RERANKER / MANIFEST).exists() else BUNDLED
    manifest = manifest_of(folder)
    verify_files(folder, manifest)
    if isinstance(manifest, LateManifest) and manifest.head_of is not None:
        LateHead(folder, manifest)  # refuses a head on vectors that nobody gives any more
        return StartModel(folder, manifest, None)
    return StartModel(
        folder,
        manifest,
        parsed_bert_weights(model_bytes(folder, manifest), source=str(folder / "model.onnx")),
    )
