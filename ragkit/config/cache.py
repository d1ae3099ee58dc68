"""The section `cache:`: what is kept of answers and vectors, for how long, and how much of it."""

from __future__ import annotations

from pydantic import Field

from ragkit.settings import Settings

_MB = 2**20


class KeptAnswers(Settings):
    """Bounds that both caches of answers have."""

    ttl_s: float = Field(default=86_400, gt=0.0, description="Seconds after which an answer is made anew.")
    max_entries: int = Field(default=2_048, ge=1, description="Answers to keep; the least used go first.")
    max_bytes: int = Field(default=64 * _MB, ge=1_024, description="Bytes of memory to keep them in, about.")


class ResultCacheSettings(KeptAnswers):
    """Answers by the very question."""


class SemanticCacheSettings(KeptAnswers):
    """Answers by what the question means.

    The default threshold was fitted for `embed/bundled` (`evals/semantic_cache.py`): cosines of other models
    lie elsewhere.
    """

    threshold: float = Field(
        default=0.95, gt=0.0, le=1.0, description="Cosine of two questions from which they may be one."
    )
    ttl_s: float = Field(default=3_600, gt=0.0, description="Seconds after which an answer is made anew.")


class EmbeddingsCacheSettings(Settings):
    """Vectors of questions, and of sentences that stages embed."""

    max_entries: int = Field(
        default=4_096, ge=1, description="Vectors to keep; 4,096 of 384 dimensions take 6 MB."
    )


class CacheSettings(Settings):
    """The section as written; a cache of answers that is not named is not there.

    >>> CacheSettings(result=ResultCacheSettings(ttl_s=60)).keeps_answers
    True
    """

    result: ResultCacheSettings | None = Field(
        default=None, description="Keeps answers by the very question, for the same reader and documents."
    )
    semantic: SemanticCacheSettings | None = Field(
        default=None, description="Keeps answers for other wordings of their question too."
    )
    embeddings: EmbeddingsCacheSettings = Field(
        default_factory=lambda: EmbeddingsCacheSettings(), description="Keeps vectors of recent texts."
    )

    @property
    def keeps_answers(self) -> bool:
        """Whether any answer is kept at all."""
        return self.result is not None or self.semantic is not None
