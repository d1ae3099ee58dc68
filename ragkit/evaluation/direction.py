"""Which way a measure is better."""

from __future__ import annotations

_LOWER = ("AURC", "latency.", "tokens.", "usd", "errors", "degraded")
_NEVER_DROPS = ("AURC", "latency.", "errors", "degraded")


def is_lower_better(measure: str) -> bool:
    """Whether less of it is better: time, tokens, money, risk.

    >>> is_lower_better("AURC"), is_lower_better("nDCG@10")
    (True, False)
    """
    return measure.startswith(_LOWER)


def is_drop_no_loss(measure: str) -> bool:
    """Whether a drop of it can only be good. Fewer tokens or less money may mean that answers are missing."""
    return measure.startswith(_NEVER_DROPS)
