"""Rubrics: what a judge is told, and what it may say. Ours are files, in English and Russian."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from ragkit.chat import Message
from ragkit.errors import EvalError, did_you_mean

LANGUAGES = ("en", "ru")
BUILT_IN = ("correct", "grounded", "relevant", "preferred")
_PLACE = re.compile(r"\{(question|answer|gold|passages|first|second|fence)\}")


@dataclass(frozen=True, slots=True)
class Rubric:
    """What a judge is told.

    Args:
        name: `correct`.
        version: of its wording; verdicts of another one are not taken from a cache.
        labels: what the judge may say, with the score of each, best first.
        system, user: the messages, with `{question}`, `{answer}`, `{gold}`, `{passages}`, `{first}`,
            `{second}` where these stand, and `{fence}` for the lines around them.

    >>> rubric = built_in("correct", "en")
    >>> rubric.labels, sorted(rubric.places)
    ({'yes': 1.0, 'partly': 0.5, 'no': 0.0}, ['answer', 'gold', 'question'])
    """

    name: str
    version: int = field(kw_only=True)
    labels: Mapping[str, float] = field(kw_only=True)
    system: str = field(kw_only=True, repr=False)
    user: str = field(kw_only=True, repr=False)

    @property
    def places(self) -> frozenset[str]:
        """What it asks for."""
        return frozenset(_PLACE.findall(self.system + self.user)) - {"fence"}

    @property
    def fingerprint(self) -> str:
        """Identifies name, version and wording."""
        text = repr((self.name, self.version, sorted(self.labels.items()), self.system, self.user))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of a verdict."""
        return {
            "type": "object",
            "properties": {
                "reason": {"type": "string"},
                "verdict": {"type": "string", "enum": list(self.labels)},
            },
            "required": ["reason", "verdict"],
            "additionalProperties": False,
        }

    def messages(self, material: Mapping[str, str]) -> tuple[Message, ...]:
        """The messages with the material in its places.

        The fence is a hash of the material, so that no text can hold its own fence, and the same material
        always gives the same messages.
        """
        digest = hashlib.sha256(repr(sorted(material.items())).encode("utf-8", "surrogatepass")).hexdigest()
        filled = {**material, "fence": f"<<{digest[:12]}>>"}
        system, user = (
            # One pass: braces in the material are text.
            _PLACE.sub(lambda place: filled[place[1]], text)
            for text in (self.system, self.user)
        )
        return Message("system", system.strip()), Message("user", user.strip())


@cache
def built_in(name: str, language: str) -> Rubric:
    """One of ours, in a language; English where it is not there in that one.

    Raises:
        EvalError: there is no such rubric.
    """
    if name not in BUILT_IN:
        raise EvalError(
            f"no rubric is named {name!r}.{did_you_mean(name, BUILT_IN)} There are: {', '.join(BUILT_IN)}; "
            "or give the path of a file of your own, ending in .yaml"
        )
    told = language if language in LANGUAGES else "en"
    path = files("ragkit.evaluation.judge") / "rubrics" / f"{name}.{told}.yaml"
    return _read(name, path.read_text(encoding="utf-8"), str(path))


def load_rubric(path: Path) -> Rubric:
    """A rubric of your own: a YAML file with version, labels, system and user, as ours are.

    Raises:
        EvalError: it cannot be read or is no rubric.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise EvalError(f"rubric {path}: cannot be read: {e}") from e
    return _read(path.stem, text, str(path))


def _read(name: str, text: str, where: str) -> Rubric:
    try:
        told = yaml.safe_load(text)
    except yaml.YAMLError as e:
        raise EvalError(f"rubric {where}: no YAML: {e}") from e
    if not isinstance(told, dict) or set(told) != {"version", "labels", "system", "user"}:
        raise EvalError(f"rubric {where}: expected the keys version, labels, system and user, and no other")
    labels = told["labels"]
    if (
        not isinstance(labels, dict)
        or len(labels) < 2
        or not all(isinstance(label, str) for label in labels)
        or not all(isinstance(score, int | float) and 0 <= score <= 1 for score in labels.values())
    ):
        raise EvalError(
            f"rubric {where}: labels: expected two or more words with scores from 0 to 1; "
            'write "yes" and "no" in quotes, which YAML otherwise reads as true and false'
        )
    if not all(isinstance(told[key], str) for key in ("system", "user")) or type(told["version"]) is not int:
        raise EvalError(f"rubric {where}: expected texts under system and user, a whole number under version")
    rubric = Rubric(
        name,
        version=told["version"],
        labels={label: float(score) for label, score in labels.items()},
        system=told["system"],
        user=told["user"],
    )
    if not rubric.places:
        raise EvalError(f"rubric {where}: it shows the judge nothing. Put {{answer}} into user")
    return rubric
