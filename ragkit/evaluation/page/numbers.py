"""Numbers as a reader of a table wants them: as many digits as say something, aligned."""

from __future__ import annotations

from ragkit.evaluation.stats import Difference, Figure


def number(value: float, *, sign: bool = False) -> str:
    """Three decimals; fewer for large numbers, two digits for tiny ones.

    >>> number(0.7), number(1234.5), number(0.00012), number(-0.25, sign=True)
    ('0.700', '1,234', '0.00012', '−0.250')
    """
    plus, size = "+" if sign else "", abs(value)
    if 0 < size < 0.001:
        text = f"{value:{plus}.2g}"
    elif size < 10:
        text = f"{value:{plus}.3f}"
    else:
        text = f"{value:{plus}.1f}" if size < 1000 else f"{value:{plus},.0f}"
    return text.replace("-", "−")


def interval(of: Figure | Difference, *, sign: bool = False) -> str:
    """`[0.550, 0.900]`; of one value alone there is none."""
    if of.low is None or of.high is None:
        return "no interval"
    return f"[{number(of.low, sign=sign)}, {number(of.high, sign=sign)}]"


def milliseconds(seconds: float) -> str:
    """`12.3 ms`, `1.24 s`.

    >>> milliseconds(0.0123), milliseconds(1.2365)
    ('12.3 ms', '1.24 s')
    """
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def count(n: int, one: str, many: str | None = None) -> str:
    """A number and its noun.

    >>> count(1, "question"), count(1200, "question")
    ('1 question', '1,200 questions')
    """
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"
