"""What is asked: a question in its conversation, and the plan of what to search for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ragkit.filters import Filter


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """One text to search with. `id` is unique within its plan; `weight` counts in fusion."""

    id: str
    text: str
    weight: float = field(default=1.0, kw_only=True)


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """What is to be retrieved for a question, by whom it may be seen, and the texts to search with.

    `tenant`, `acl`, the caller's `filter` and the pinned `commit` are set once, by the application;
    stages may add queries and narrow the filter, never widen it.

    Args:
        question: as it was asked.
        standalone: the question with what it leaves to the turns before it, where a stage has put that in
            words; see `understood`.
        intent: what kind of question a stage takes it for: `faq`, `lookup`, `multi_hop`, `out_of_scope`.
        route: the way that a stage has chosen for it, by its name in that stage's settings.

    >>> QueryPlan.of("How long is the warranty?").queries[0].text
    'How long is the warranty?'
    """

    question: str
    queries: tuple[Query, ...] = field(kw_only=True)
    filter: Filter | None = field(default=None, kw_only=True)
    tenant: str | None = field(default=None, kw_only=True)
    acl: tuple[str, ...] | None = field(default=None, kw_only=True)
    history: tuple[Turn, ...] = field(default=(), kw_only=True)
    commit: int | None = field(default=None, kw_only=True)
    standalone: str | None = field(default=None, kw_only=True)
    intent: str | None = field(default=None, kw_only=True)
    route: str | None = field(default=None, kw_only=True)

    @property
    def understood(self) -> str:
        """The question as it is understood: standing alone where a stage found how, else as it was asked."""
        return self.standalone or self.question

    @classmethod
    def of(
        cls,
        question: str,
        *,
        filter: Filter | None = None,  # noqa: A002  (the public word for it)
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        history: Sequence[Turn] = (),
    ) -> QueryPlan:
        """The plan that searches with the question itself."""
        return cls(
            question,
            queries=(Query("q", question),),
            filter=filter,
            tenant=tenant,
            acl=None if acl is None else tuple(acl),
            history=tuple(history),
        )
