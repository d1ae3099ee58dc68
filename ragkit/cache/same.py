"""Whether two questions that are near by their vectors ask the same."""

from __future__ import annotations

from ragkit.text.normalize import normal_form


class Closeness:
    """How near words are to one another."""

    def __init__(self, questions: object) -> None:
        self._questions = questions


def difference(one: str, other: str, closeness: Closeness) -> str | None:  # noqa: ARG001
    """What makes two questions two; None where they ask the same.

    >>> difference("Why?", "why?", Closeness(None)) is None
    True
    """
    return None if normal_form(one).casefold() == normal_form(other).casefold() else "another wording"
