"""What the registry knows of a name, and how a table of names is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Component:
    """A registered name. `target` is `module:Class`; `extra` and `package` say what must be installed.

    Where one of several packages is enough, `package` names them with `|` between, and `extra` the extras in
    the same order; the component says itself which one its settings need.
    """

    name: str
    target: str
    summary: str
    extra: str | None = None
    package: str | None = None

    @property
    def role(self) -> str:
        """The part before the slash: `retrieve`, `store`, `embed` …"""
        return self.name.partition("/")[0]


def table(*rows: tuple[str, ...]) -> dict[str, Component]:
    """Components by name; a row has the fields of `Component` in order.

    >>> table(("rerank/mine", "my_package:Mine", "my own order"))["rerank/mine"].role
    'rerank'
    """
    return {row[0]: Component(*row) for row in rows}


ST = ("sentence-transformers", "sentence_transformers")
LANGCHAIN = ("langchain", "langchain_core")
LLAMAINDEX = ("llamaindex", "llama_index")
