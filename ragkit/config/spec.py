"""A checked configuration: what `rag.yaml` says, with every name resolved and every setting of its type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from ragkit.config.budget import BudgetSettings
from ragkit.config.cache import CacheSettings
from ragkit.config.masking import without_credentials
from ragkit.config.tree import Plain
from ragkit.fields import FieldSpec
from ragkit.graph.spec import GraphSpec
from ragkit.settings import EmbedderRef, Settings, StoreRef
from ragkit.text.analyze import LANGUAGES

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class ComponentSpec:
    """A component of a configuration: its registered name and its checked settings.

    `masks` holds, for settings that must not be shown as they are, what to show (see `Config.describe`).
    """

    use: str
    settings: Settings = field(kw_only=True, repr=False)
    line: int | None = field(default=None, kw_only=True)
    masks: Mapping[str, Plain] = field(
        default_factory=lambda: MappingProxyType({}), kw_only=True, repr=False, compare=False
    )

    def describe(self) -> dict[str, Plain]:
        """The component as `rag.yaml` would have it, defaults included, secrets and variables left out."""
        settings = {key: _shown(value) for key, value in self.settings.model_dump(by_alias=True).items()}
        known = {"use": self.use, **settings}
        return {key: self.masks.get(key, value) for key, value in known.items()}


class Bm25Settings(Settings):
    """How texts are analysed for BM25 and scored.

    `k1` and `b` default to those of Anserini's baselines on passages and BEIR (Yang, Fang and Lin 2018): the
    length of a passage says less about it than that of a whole document.
    """

    use: Literal["bm25/default", "bm25/rank-bm25"] = Field(
        default="bm25/default", description="What ranks by terms; rank-bm25 is for comparison and is slow."
    )
    language: str = Field(
        default="auto",
        description="ISO 639-1 code whose stemmer is used, or auto: detected for each text.",
        json_schema_extra={"enum": ["auto", *sorted(LANGUAGES)]},
    )
    k1: float = Field(
        default=0.9, ge=0.0, le=10.0, description="How much repeats of a term count; 0 counts none."
    )
    b: float = Field(
        default=0.4, ge=0.0, le=1.0, description="How much a passage's length is held against it."
    )

    @field_validator("language")
    @classmethod
    def _is_known(cls, language: str) -> str:
        if language != "auto" and language not in LANGUAGES:
            known = ", ".join(sorted(LANGUAGES))
            raise ValueError(f"no analysis for the language {language!r}; expected auto or one of: {known}")
        return language


class CollectionSettings(Settings):
    """The section `collection:` as written."""

    store: StoreRef = Field(description="Name of a store under `stores:`. Another word, another backend.")
    embed: EmbedderRef = Field(description="Name of an embedder under `models:`.")
    dual_write: list[StoreRef] = Field(
        default_factory=list,
        description="Stores that are kept the same: what is ingested or forgotten goes to all of them.",
    )
    bm25: Bm25Settings = Field(
        default_factory=lambda: Bm25Settings(), description="Analysis and scoring of terms."
    )
    fields: dict[str, Any] = Field(
        default_factory=dict,
        description="Filterable metadata: `name: type`, `!` after a type when required, `[type]` for a list.",
    )


class NodeSettings(Settings):
    """The keys that every node under `query:` has beside the settings of its stage."""

    inputs: str | Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None, alias="in", description="The node or nodes it reads; the node above when left out."
    )
    when: str | None = Field(
        default=None, min_length=1, description="The node is skipped where this does not hold."
    )
    timeout_s: float | None = Field(default=None, gt=0.0, description="Seconds for all attempts together.")
    retries: int = Field(default=0, ge=0, le=10, description="Further attempts after a failure.")
    on_error: str = Field(
        default="fail", min_length=1, description="fail, skip, or the node that runs in its place."
    )


NODE_KEYS = tuple(info.alias or name for name, info in NodeSettings.model_fields.items())


@dataclass(frozen=True, slots=True)
class CollectionSpec:
    """The collection: the names of its store and its embedder, its BM25, its declared fields by name.

    `dual_write` names the stores that are kept the same; the collection's own may be among them.
    """

    store: str
    embed: str
    dual_write: tuple[str, ...] = field(default=(), kw_only=True)
    bm25: Bm25Settings = field(kw_only=True)
    fields: Mapping[str, FieldSpec] = field(kw_only=True)
    line: int | None = field(default=None, kw_only=True)
    masks: Mapping[str, Plain] = field(
        default_factory=lambda: MappingProxyType({}), kw_only=True, repr=False, compare=False
    )

    @property
    def followers(self) -> tuple[str, ...]:
        """The stores that are written to beside the one in use, each once."""
        return tuple(name for name in dict.fromkeys(self.dual_write) if name != self.store)


@dataclass(frozen=True, slots=True)
class IngestSpec:
    """How documents become passages, and what gives them where no path is named."""

    chunk: ComponentSpec
    load: ComponentSpec | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration without mistakes. Nothing in it has been opened, loaded or connected to yet.

    Args:
        models: the models by name; `stores` the stores by name.
        stages: the nodes' components by name, as in `graph`, where each stage has the same settings.
        graph: the nodes with their wiring, already checked.
        path: the file it was read from, or None.

        config = load_config("rag.yaml", set={"collection.store": "prod"})
        config.collection.store, config.graph.output            # 'prod', 'verify'
    """

    models: Mapping[str, ComponentSpec]
    stores: Mapping[str, ComponentSpec]
    collection: CollectionSpec = field(kw_only=True)
    ingest: IngestSpec = field(kw_only=True)
    stages: Mapping[str, ComponentSpec] = field(kw_only=True)
    graph: GraphSpec = field(kw_only=True)
    budget: BudgetSettings = field(default_factory=BudgetSettings, kw_only=True)
    cache: CacheSettings = field(default_factory=CacheSettings, kw_only=True)
    path: Path | None = field(default=None, kw_only=True)

    def describe(self) -> dict[str, Plain]:
        """The configuration as plain values, every default written out, for traces and reports.

        It has the form of `rag.yaml` and can be loaded again. Values from the environment are shown as
        `${NAME}`, keys and passwords as `***`.
        """
        collection: dict[str, Plain] = {
            "store": self.collection.store,
            "embed": self.collection.embed,
            "bm25": self.collection.bm25.model_dump(mode="json"),
            "fields": {name: _shown(spec.declaration) for name, spec in self.collection.fields.items()},
        }
        if self.collection.dual_write:
            collection["dual_write"] = list(self.collection.dual_write)
        return {
            "ragkit": FORMAT_VERSION,
            "models": {name: component.describe() for name, component in self.models.items()},
            "stores": {name: component.describe() for name, component in self.stores.items()},
            "collection": {**collection, **self.collection.masks},
            "ingest": {
                **({} if self.ingest.load is None else {"load": self.ingest.load.describe()}),
                "chunk": self.ingest.chunk.describe(),
            },
            "query": {node.name: self._node(node.name) for node in self.graph.nodes},
            **({} if self.budget == BudgetSettings() else {"budget": _section_shown(self.budget)}),
            **({} if self.cache == CacheSettings() else {"cache": _section_shown(self.cache)}),
        }

    def _node(self, name: str) -> dict[str, Plain]:
        node = next(node for node in self.graph.nodes if node.name == name)
        component, masks = self.stages[name].describe(), self.stages[name].masks
        run: dict[str, Plain] = {
            "in": list(node.inputs),
            "when": node.when,
            "timeout_s": node.timeout_s,
            "retries": node.retries,
            "on_error": node.on_error,
        }
        run = {key: masks.get(key, value) for key, value in run.items() if value is not None}
        return {"use": component.pop("use"), **run, **component}


def _section_shown(section: Settings) -> Plain:
    """Without what is not there, which no file can name."""
    return _shown(section.model_dump(exclude_none=True))


def _shown(value: Any) -> Plain:
    if isinstance(value, Mapping):
        return {str(key): _shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(item) for item in value]
    if isinstance(value, Enum):
        return _shown(value.value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return without_credentials(str(value))
