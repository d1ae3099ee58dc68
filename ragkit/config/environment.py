"""`${NAME}` and `${NAME:-default}` in the texts of a configuration; `$${` stands for a literal `${`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ragkit.errors import did_you_mean

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^{}]*))?\}|\$\{")


@dataclass(frozen=True, slots=True)
class Substitution:
    """A text with its variables replaced, what was put in for each of them, and what is wrong with it."""

    text: str
    inserted: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    problems: tuple[str, ...] = ()


def substitute(text: str, env: Mapping[str, str]) -> Substitution:
    """Replaces the variables of `text`. As in a shell, a default stands in for an unset or empty variable.

    What is put in is not searched again, so a variable's value cannot name another variable.

    >>> substitute("${HOST:-localhost}/$${id}", {}).text
    'localhost/${id}'
    """
    if "${" not in text:
        return Substitution(text)
    inserted: dict[str, str] = {}
    problems: list[str] = []

    def replacement(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        name, default = match["name"], match["default"]
        if name is None:
            problems.append("'${' opens no variable: write ${NAME}, ${NAME:-default}, or $${ for '${' itself")
            return ""
        inserted[name] = env.get(name) or default or ""
        if default is None and name not in env:
            problems.append(
                f"the environment variable {name} is not set. Set it, or give a default: ${{{name}:-…}}."
                f"{did_you_mean(name, env)}"
            )
        return inserted[name]

    replaced = _REFERENCE.sub(replacement, text)
    return Substitution(replaced, MappingProxyType(inserted), tuple(dict.fromkeys(problems)))
