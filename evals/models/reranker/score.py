"""The model's scores of the gathered candidates, kept beside them so that they are computed once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.models.reranker_folder import open_reranker


def scored(
    judged: list[dict[str, Any]], out: Path, model: Path, candidates: int
) -> list[NDArray[np.float64]]:
    """Scores of the first `candidates` of each question; from `out` if the same model gave them before."""
    reranker = open_reranker(model)
    kept = out / f"scores-{reranker.fingerprint.rpartition('+')[2]}-{candidates}.npz"
    if kept.exists():
        with np.load(kept) as saved:
            return np.split(saved["scores"].astype(np.float64), saved["ends"][:-1])
    found = [reranker.score(one["text"], one["passages"][:candidates]) for one in judged]
    np.savez(kept, scores=np.concatenate(found), ends=np.cumsum([len(one) for one in found]))
    return [one.astype(np.float64) for one in found]
