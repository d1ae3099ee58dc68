"""Whether two questions that are near by their vectors ask the same."""

from __future__ import annotations

from collections.abc import Callable

from ragkit.cache.same.asking import other_asking
from ragkit.cache.same.facts import other_fact
from ragkit.cache.same.more import says_more
from ragkit.cache.same.order import other_order
from ragkit.cache.same.sense import other_sense
from ragkit.cache.same.series import other_member
from ragkit.text.normalize import normal_form


def difference(one: str, other: str) -> str | None:
    """What makes two questions two, in words; None where no difference is seen that changes an answer.

    In doubt they are two: to answer anew costs time, to give the answer of another question misleads.

    >>> difference("How long is the warranty?", "How long does the warranty last?") is None
    True
    >>> difference("Which plans include support?", "Which plans do not include support?")
    'sense: negation'
    """
    ours, theirs = normal_form(one).casefold(), normal_form(other).casefold()
    if ours == theirs:
        return None
    checks: tuple[tuple[str, Callable[[str, str], str | None], tuple[str, str]], ...] = (
        ("asking", other_asking, (ours, theirs)),
        ("series", other_member, (ours, theirs)),
        ("more", says_more, (one, other)),
        ("order", other_order, (one, other)),
        ("fact", other_fact, (one, other)),
        ("sense", other_sense, (one, other)),
    )
    for kind, check, asked in checks:
        if (what := check(*asked)) is not None:
            return f"{kind}: {what}"
    return None
