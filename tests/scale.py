"""How many cases a proof runs: all with RAGKIT_SCALE=full, else a twentieth, so that it stays fast."""

from __future__ import annotations

import os

IS_FULL = os.environ.get("RAGKIT_SCALE") == "full"


def scaled(full: int, *, part: int = 20) -> int:
    """`full` at full scale, else one `part`-th of it and at least one.

    >>> scaled(1) == 1
    True
    """
    return full if IS_FULL else max(1, full // part)
