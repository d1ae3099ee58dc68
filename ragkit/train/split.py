"""Which lessons are learnt from, which say when to stop, and which measure the gain.

Whole documents go to one part: a model that has read the answer's document in training would look better
than it is. Questions that share a document, or whose documents are copies of one another, or that ask the
same, stay together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from ragkit.errors import ConfigError
from ragkit.train.lessons import GIVEN, Lesson

REPORT_SHARE = 0.25
STOP_SHARE = 0.1
FEW = 100
FEW_REPORT_SHARE = 0.5  # of fewer than these: what is not measured is of no use
FEWEST = 8  # questions that a part can be of any use with


@dataclass(frozen=True, slots=True)
class Split:
    """The three parts; no document answers questions of two of them.

    Args:
        train: learnt from.
        stop: judged while training, to stop it when it gains no more.
        report: looked at once, at the end.
        clusters: by lesson id, a name that lessons about the same documents share.
    """

    train: tuple[Lesson, ...] = field(kw_only=True)
    stop: tuple[Lesson, ...] = field(kw_only=True)
    report: tuple[Lesson, ...] = field(kw_only=True)
    clusters: dict[str, str] = field(kw_only=True, repr=False)

    @property
    def held_out(self) -> frozenset[str]:
        """The documents that training must not read."""
        return self.reported | {d for lesson in self.stop for d in lesson.documents}

    @property
    def reported(self) -> frozenset[str]:
        """The documents that measure the result: no decision of the training may depend on them."""
        return frozenset(d for lesson in self.report for d in lesson.documents)


def split(lessons: Sequence[Lesson], *, seed: int, copies: Sequence[tuple[str, str]] = ()) -> Split:
    """Parts of about 65, 10 and 25 % of the lessons; of fewer than 100 given questions half go to the report.

    Args:
        lessons: with unique ids.
        seed: another one gives other parts; the order of the lessons does not count.
        copies: pairs of documents that say nearly the same, and go to the same part.

    Raises:
        ConfigError: the lessons are about too few documents, or too few, to be parted.
    """
    clusters = _clusters(lessons, copies)
    members: dict[str, list[Lesson]] = {}
    for lesson in sorted(lessons, key=lambda one: one.id):
        members.setdefault(clusters[lesson.id], []).append(lesson)
    parts = _Parts()
    # Apart, so that a few questions of people are not lost among thousands of generated ones.
    asked = {name for name, some in members.items() if any(one.kind == GIVEN for one in some)}
    for names in (asked, members.keys() - asked):
        some = {
            name: [one for one in members[name] if (one.kind == GIVEN) == (name in asked)] for name in names
        }
        for name, part in _dealt(some, seed).items():
            getattr(parts, part).extend(members[name])
    if min(len(parts.train), len(parts.stop), len(parts.report)) < FEWEST:
        raise ConfigError(
            f"{len(lessons)} questions about {len(members)} separate groups of documents cannot be parted "
            f"into training, stopping and report: each needs {FEWEST}, and no document may be in two. "
            "Give more questions about more documents, or add generated ones with --generate 2000"
        )
    return Split(
        train=tuple(parts.train), stop=tuple(parts.stop), report=tuple(parts.report), clusters=clusters
    )


@dataclass(slots=True)
class _Parts:
    train: list[Lesson] = field(default_factory=list)
    stop: list[Lesson] = field(default_factory=list)
    report: list[Lesson] = field(default_factory=list)


def _dealt(members: dict[str, list[Lesson]], seed: int) -> dict[str, str]:
    """The part of each cluster, so that the parts have their shares of the lessons in `members`."""
    if not members:
        return {}
    total = sum(map(len, members.values()))
    left = {
        "report": (FEW_REPORT_SHARE if total < FEW else REPORT_SHARE) * total,
        "stop": STOP_SHARE * total,
    }
    left = {part: max(size, min(FEWEST, total / 4)) for part, size in left.items()}
    names = sorted(members, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
    # The largest goes to training: one that holds most questions cannot be held out.
    largest = max(names, key=lambda name: len(members[name]))
    dealt = {largest: "train"}
    for name in names:
        if name == largest:
            continue
        part = max(left, key=lambda one: left[one])
        dealt[name] = part if left[part] > 0 else "train"
        if left[part] > 0:
            left[part] -= len(members[name])
    return dealt


def _clusters(lessons: Sequence[Lesson], copies: Sequence[tuple[str, str]]) -> dict[str, str]:
    """By lesson id the smallest name among all that it is tied to: documents, their copies, and wordings."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    tied = [[f"document {document}" for document in pair] for pair in copies]
    for lesson in lessons:
        own = [f"document {document}" for document in lesson.documents]
        tied.append([*own, f"wording {' '.join(lesson.question.lower().split())}"])
    for ties in tied:
        roots = sorted({root(tie) for tie in ties})
        for other in roots[1:]:
            parent[other] = roots[0]
    return {lesson.id: root(f"document {lesson.documents[0]}") for lesson in lessons}
