"""What a store is made for: recorded when it is created, compared whenever it is opened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ragkit.errors import ConfigError
from ragkit.fields import ACL, TENANT, FieldSpec, parse_fields


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """The vector space, the analysis and the fields of an index.

    >>> StoreSpec("mini", embedder_fingerprint="v1", dimension=384).has_tenants
    False
    """

    embedder: str
    embedder_fingerprint: str = field(kw_only=True)
    dimension: int = field(kw_only=True)
    analyzer_fingerprint: str = field(default="", kw_only=True)
    fields: Mapping[str, FieldSpec] = field(default_factory=lambda: MappingProxyType({}), kw_only=True)

    @property
    def has_tenants(self) -> bool:
        """Whether `tenant` is declared."""
        return TENANT in self.fields

    @property
    def has_acl(self) -> bool:
        """Whether `acl` is declared."""
        return ACL in self.fields

    def to_json(self) -> str:
        """The record of it."""
        return json.dumps(
            {
                "embedder": self.embedder,
                "embedder_fingerprint": self.embedder_fingerprint,
                "dimension": self.dimension,
                "analyzer_fingerprint": self.analyzer_fingerprint,
                "fields": {name: spec.declaration for name, spec in self.fields.items()},
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> StoreSpec:
        """The spec that was recorded as `text`."""
        raw = json.loads(text)
        return cls(
            raw["embedder"],
            embedder_fingerprint=raw["embedder_fingerprint"],
            dimension=raw["dimension"],
            analyzer_fingerprint=raw["analyzer_fingerprint"],
            fields=parse_fields(raw["fields"]),
        )

    def completed(self, recorded: StoreSpec) -> StoreSpec:
        """This spec; where it declares no fields at all, with those that were recorded.

        So an index can be looked after by its folder alone. It never opens more than was meant: a tenant that
        was required stays required.
        """
        return self if self.fields else replace(self, fields=recorded.fields)

    def check(self, recorded: StoreSpec, where: str) -> None:
        """Refuses to open an index that was made with something else.

        New fields may be declared at any time; the type of a recorded one, and whether there are
        tenants and acl, must stay.

        Raises:
            ConfigError: what differs, and what mends it.
        """
        problems = [
            f"{where}: this index was made with {what} {theirs}, and is opened with {ours}. "
            f"Open it with {theirs}, or ingest again into a new folder"
            for what, theirs, ours, same in (
                (
                    "the embedding model",
                    f"{recorded.embedder} ({recorded.dimension} dimensions, {recorded.embedder_fingerprint})",
                    f"{self.embedder} ({self.dimension} dimensions, {self.embedder_fingerprint})",
                    (self.embedder_fingerprint, self.dimension)
                    == (recorded.embedder_fingerprint, recorded.dimension),
                ),
                (
                    "the analyzer",
                    recorded.analyzer_fingerprint,
                    self.analyzer_fingerprint,
                    self.analyzer_fingerprint == recorded.analyzer_fingerprint,
                ),
            )
            if not same
        ]
        for name in sorted({*self.fields, *recorded.fields}):
            ours, theirs = self.fields.get(name), recorded.fields.get(name)
            if name not in (TENANT, ACL) and (ours is None or theirs is None):
                continue
            if ours is None or theirs is None or (ours.type, ours.many) != (theirs.type, theirs.many):
                problems.append(
                    f"{where}: fields.{name}: this index was made with {_as_written(theirs)}, "
                    f"and is opened with {_as_written(ours)}. Declare it as it was, "
                    "or ingest again into a new folder"
                )
        if problems:
            raise ConfigError(problems)


def _as_written(spec: FieldSpec | None) -> str:
    """A declaration as it stands in `rag.yaml`."""
    if spec is None:
        return "nothing"
    return f"[{spec.declaration[0]}]" if isinstance(spec.declaration, list) else spec.declaration
