"""Data within a page: JSON that a script reads and that nothing in it can break out of."""

from __future__ import annotations

import json
import math
from typing import Any

from ragkit.evaluation.page.html import Markup, clean, verbatim

_ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def embedded(id_: str, data: object) -> Markup:
    """A `script` element that holds the data and is never run.

    `<` and `>` are written as escapes: neither `</script>` nor `<!--` can stand in it.
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return verbatim("script", clean(text).translate(_ESCAPES), type="application/json", id=id_)


def rounded(value: float | None) -> float | int | None:
    """Six significant digits; None for what is no finite number."""
    if value is None or not math.isfinite(value):
        return None
    short = float(f"{value:.6g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def plain(value: Any) -> Any:
    """What JSON can say of a value of any kind: a text where it is no number, text, list or mapping."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return rounded(value)
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return str(value)
