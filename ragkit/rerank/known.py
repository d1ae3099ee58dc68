"""What a reranker can judge: questions and passages in the languages that it was trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ragkit.protocols import Reranker
from ragkit.text.language import UNDETERMINED
from ragkit.types import Hit


def knows_language(model: Reranker, language: str) -> bool:
    """Whether the model was trained on this language; it is taken to know one that is not determined."""
    return not model.languages or language in model.languages or language == UNDETERMINED


def known_passages(model: Reranker, hits: Sequence[Hit]) -> NDArray[np.bool_]:
    """For each hit whether its passage is in a language that the model knows, shape `[n]`.

    The score of any other says nothing; `Blend.of` takes NaN for it.
    """
    knows = {language: knows_language(model, language) for language in {hit.chunk.lang for hit in hits}}
    return np.array([knows[hit.chunk.lang] for hit in hits], dtype=np.bool_)
