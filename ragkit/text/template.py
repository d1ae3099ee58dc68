"""Prompts: files with a system part, a user part and named places; filled in one pass, so that braces in a
document are text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from ragkit.chat import Message
from ragkit.errors import ConfigError, did_you_mean

LANGUAGES = ("en", "ru")
USER_LINE = "=== user ==="
MAX_CHARS = 100_000
_PLACE = re.compile(r"\{\{|\}\}|\{([^{}\n]*)\}|[{}]")
_DOUBLED = {"{{": "{", "}}": "}"}


@dataclass(frozen=True, slots=True)
class Places:
    """The places that a prompt must have, and those that it may have."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """All of them."""
        return self.required + self.optional


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt with its places open.

    >>> text = "Be brief. {{}}\\n=== user ===\\n{question}"
    >>> template = Template.parsed(text, "p.txt", Places(("question",)))
    >>> [m.text for m in template.messages({"question": "Why {fence}?"})]
    ['Be brief. {}', 'Why {fence}?']
    """

    system: str = field(repr=False)
    user: str = field(repr=False)
    where: str

    @classmethod
    def parsed(cls, text: str, where: str, places: Places) -> Template:
        """A prompt that was read from the file `where`.

        Raises:
            ConfigError: no user part, an unknown or a missing place, a brace that stands alone; all of them,
                each with its line.
        """
        lines = text.splitlines()
        marks = [n for n, line in enumerate(lines) if line.strip() == USER_LINE]
        problems = [] if len(marks) == 1 else [_mark_problem(where, marks)]
        problems += _place_problems(lines, where, places)
        if problems:
            raise ConfigError(problems, path=where)
        system, user = "\n".join(lines[: marks[0]]), "\n".join(lines[marks[0] + 1 :])
        return cls(system.strip(), user.strip(), where)

    @property
    def fingerprint(self) -> str:
        """Identifies the wording, wherever the file lies."""
        return hashlib.sha256(repr((self.system, self.user)).encode()).hexdigest()[:16]

    @property
    def text(self) -> str:
        """The prompt as its file has it."""
        return f"{self.system}\n{USER_LINE}\n{self.user}\n"

    def messages(self, filling: Mapping[str, str]) -> tuple[Message, ...]:
        """The system message, where there is one, and the user's, with `filling` in the places."""
        parts: tuple[tuple[str, str], ...] = (("system", self.system), ("user", self.user))
        return tuple(
            Message("system" if role == "system" else "user", _filled(part, filling))
            for role, part in parts
            if part
        )


@cache
def built_in(package: str, name: str, language: str, places: Places) -> Template:
    """A prompt of the folder `prompts` of a package, in English where it is not there in the language."""
    path = f"{name}.{language if language in LANGUAGES else 'en'}.txt"
    text = files(package).joinpath("prompts", path).read_text(encoding="utf-8")
    return Template.parsed(text, path, places)


def load_template(path: Path, places: Places) -> Template:
    """A prompt of your own.

    Raises:
        ConfigError: it cannot be read, or has mistakes; each with its line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as e:
        raise ConfigError(f"{path}: no such file. `ragkit prompt` prints the one to start from") from e
    except (OSError, ValueError) as e:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text: {e}") from e
    if len(text) > MAX_CHARS:
        raise ConfigError(f"{path}: {len(text):,} characters; a prompt may have {MAX_CHARS:,}")
    return Template.parsed(text, str(path), places)


def _filled(part: str, filling: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: _DOUBLED.get(place[0]) or filling[place[1]], part)


def _mark_problem(where: str, marks: list[int]) -> str:
    if not marks:
        return f"{where}:1: no line {USER_LINE!r}; it parts what the system message says from the question"
    return f"{where}:{marks[1] + 1}: a second line {USER_LINE!r}; remove it"


def _place_problems(lines: list[str], where: str, places: Places) -> list[str]:
    problems: list[str] = []
    found: set[str] = set()
    for n, line in enumerate(lines, start=1):
        for place in _PLACE.finditer(line):
            name = place[1]
            if place[0] in _DOUBLED:
                continue
            if name is None:
                problems.append(f"{where}:{n}: a {place[0]} that stands alone; write it twice for a brace")
            elif name not in places.known:
                problems.append(
                    f"{where}:{n}: {{{name[:40]}}}: unknown place.{did_you_mean(name, places.known)} "
                    f"Places: {', '.join(places.known)}; write braces twice where text is meant"
                )
            found.add(name or "")
    missing = [name for name in places.required if name not in found]
    if missing:
        named = ", ".join(f"{{{name}}}" for name in missing)
        problems.append(f"{where}:{len(lines) or 1}: nowhere {named}; the prompt must have it")
    return problems
