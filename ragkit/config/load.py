"""`rag.yaml` → `Config`, or one `ConfigError` with every mistake of the file, each with its line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ragkit.config.budget import BudgetSettings
from ragkit.config.cache import CacheSettings
from ragkit.config.component import (
    CHUNKERS,
    LOADERS,
    MODELS,
    STORES,
    Section,
    named_entries,
    read_component,
)
from ragkit.config.decode import Decoder, unknown_key
from ragkit.config.masking import cleaned
from ragkit.config.override import override
from ragkit.config.problems import Place, Problems, Spot, shortened
from ragkit.config.references import Declared, check_references
from ragkit.config.source import read
from ragkit.config.spec import (
    FORMAT_VERSION,
    CollectionSettings,
    CollectionSpec,
    ComponentSpec,
    Config,
    IngestSpec,
)
from ragkit.config.tree import Entries, Entry, Node, Text, as_integer, plain, shown
from ragkit.config.wiring import Wiring, read_query
from ragkit.errors import ConfigError
from ragkit.fields import FieldSpec, parse_fields

__all__ = ["ComponentSpec", "Config", "load_config"]

TEXT_NAME = "<text>"
_REQUIRED = ("ragkit", "models", "stores", "collection", "query")
_INGEST_KEYS = ("load", "chunk")
_KEYS = ("ragkit", "models", "stores", "collection", "ingest", "query", "budget", "cache")
_DEFAULT_CHUNKER = "chunk/recursive"


def load_config(
    source: str | Path,
    *,
    set: Mapping[str, Any] | None = None,  # noqa: A002  (the public word for it)
    env: Mapping[str, str] | None = None,
) -> Config:
    """Reads and checks a configuration. Nothing is opened, loaded or connected to.

    Args:
        source: a path, or the YAML itself: a `str` with a line break or a `: ` in it is taken for YAML.
        set: values to lay over the file, by dotted key: `{"collection.store": "prod", "query.rerank.k": 5}`.
        env: the variables that `${NAME}` reads; those of the process when left out.

    Raises:
        ConfigError: the file cannot be read, or has mistakes. All of them are listed by line, as
            `rag.yaml:14: query.rerank.modle: unknown key. …`; a value of a variable is never shown.

    >>> load_config("rag.yml")
    Traceback (most recent call last):
        ...
    ragkit.errors.ConfigError: rag.yml: no such file. `ragkit init` writes one to start from
    """
    text, path = _text_of(source)
    problems = Problems(str(path) if path else TEXT_NAME)
    variables = os.environ if env is None else env
    root = read(text, problems, variables)
    config: Config | None = None
    if root is None:
        if not problems.found:
            problems.add(_top(), "the file is empty. `ragkit init` writes one to start from")
    elif not isinstance(root, Entries):
        problems.add(_top(), f"expected a mapping with the keys {', '.join(_KEYS)}")
    else:
        root = override(root, set or {}, problems, variables)
        config = _Loader(problems, path).load(root)
    if problems.found or config is None:
        raise problems.error()
    return config


class _Loader:
    def __init__(self, problems: Problems, path: Path | None) -> None:
        self.problems = problems
        self.path = path
        # Absolute now: by the time that a store is opened, the process may work in another folder.
        self.decoder = Decoder(problems, path.parent.absolute() if path else None)

    def load(self, root: Entries) -> Config | None:
        self._check_keys(root)
        self._check_version(root)
        models = self._components(root, "models", MODELS)
        stores = self._components(root, "stores", STORES)
        collection = self._collection(root)
        ingest = self._ingest(root)
        wiring = self._query(root)
        cache, budget = self._cache(root), self._budget(root, models or {})
        check_references(self.decoder.references, Declared(models, stores), self.problems)
        if self.problems.found or collection is None or ingest is None or wiring is None:
            return None
        if cache is None or budget is None:
            return None
        return Config(
            _specs(models or {}),
            _specs(stores or {}),
            collection=collection,
            ingest=ingest,
            stages=wiring.stages,
            graph=wiring.graph,
            budget=budget,
            cache=cache,
            path=self.path,
        )

    def _check_keys(self, root: Entries) -> None:
        for key in _REQUIRED:
            if key not in root.entries and not (key == "collection" and "collections" in root.entries):
                self.problems.add(_top().key(key), "required and missing. `ragkit init` writes a whole file")
        unknown = [(key, entry) for key, entry in root.entries.items() if key not in _KEYS]
        for key, entry in unknown[:8]:
            message = (
                "several collections are not supported; declare one under collection:"
                if key == "collections"
                else unknown_key(self.problems, key, _KEYS, "the file")
            )
            self.problems.add(Spot("", entry.place).key(key), message)
        if len(unknown) > 8:
            self.problems.add(Spot("", unknown[8][1].place), f"and {len(unknown) - 8} more unknown keys")

    def _check_version(self, root: Entries) -> None:
        entry = root.entries.get("ragkit")
        if entry is None:
            return
        node = entry.node
        if not isinstance(node, Text) or as_integer(node) != FORMAT_VERSION:
            self.problems.add(
                Spot("ragkit", entry.place),
                f"this ragkit reads format version {FORMAT_VERSION}, not {shown(node)}. "
                f"Write ragkit: {FORMAT_VERSION}",
            )

    def _components(
        self, root: Entries, section: str, kind: Section
    ) -> dict[str, ComponentSpec | str] | None:
        """The components of a section by name, the mistaken ones as the text of their `use`."""
        entry = root.entries.get(section)
        if entry is None:
            return None
        at = Spot(section, entry.place)
        found: dict[str, ComponentSpec | str] = {}
        for name, item in named_entries(entry.node, at, self.decoder, kind.holds):
            reading = read_component(item.node, at.key(name, item.place), kind, self.decoder)
            found[name] = reading.spec or reading.use
        return found

    def _collection(self, root: Entries) -> CollectionSpec | None:
        entry = root.entries.get("collection")
        if entry is None:
            return None
        at = Spot("collection", entry.place)
        if not isinstance(entry.node, Entries):
            self.problems.add(at, f"expected a mapping with store and embed, got {shown(entry.node)}")
            return None
        decoded = self.decoder.keys(CollectionSettings, entry.node, at, "collection")
        fields = self._fields(entry.node.entries.get("fields"), at)
        settings = self.decoder.validated(CollectionSettings, decoded, entry.node, at)
        if settings is None:
            return None
        return CollectionSpec(
            settings.store,
            settings.embed,
            dual_write=tuple(settings.dual_write),
            bm25=settings.bm25,
            fields=MappingProxyType(fields),
            line=entry.place.line,
            masks=MappingProxyType(dict(decoded.masks)),
        )

    def _fields(self, entry: Entry | None, at: Spot) -> dict[str, FieldSpec]:
        specs: dict[str, FieldSpec] = {}
        if entry is None or not isinstance(entry.node, Entries):
            return specs
        for name, item in entry.node.entries.items():
            spot = at.key("fields", entry.place).key(name, item.place)
            try:
                specs |= parse_fields({name: plain(item.node)})
            except ConfigError as e:
                for problem in e.problems:
                    message = problem.removeprefix(f"fields.{name}: ")
                    self.problems.add(spot, cleaned(shortened(message, 400), item.node))
        return specs

    def _ingest(self, root: Entries) -> IngestSpec | None:
        entry = root.entries.get("ingest")
        at, node = Spot("ingest", entry.place if entry else Place(None)), entry.node if entry else None
        if node is not None and not isinstance(node, Entries):
            self.problems.add(at, f"expected a mapping with load or chunk, got {shown(node)}")
            return None
        for key, item in node.entries.items() if node else ():
            if key not in _INGEST_KEYS:
                known = list(_INGEST_KEYS)
                self.problems.add(at.key(key, item.place), unknown_key(self.problems, key, known, "ingest"))
        chunk = self._chunk(node, at)
        load = node.entries.get("load") if node else None
        if load is None:
            return None if chunk is None else IngestSpec(chunk)
        loader = read_component(load.node, at.key("load", load.place), LOADERS, self.decoder).spec
        return None if chunk is None or loader is None else IngestSpec(chunk, load=loader)

    def _chunk(self, node: Entries | None, at: Spot) -> ComponentSpec | None:
        chunk = node.entries.get("chunk") if node else None
        place = chunk.place if chunk else at.place
        written: Node = chunk.node if chunk else Text(_DEFAULT_CHUNKER, place=place, value=_DEFAULT_CHUNKER)
        return read_component(written, at.key("chunk", place), CHUNKERS, self.decoder).spec

    def _budget(self, root: Entries, models: Mapping[str, ComponentSpec | str]) -> BudgetSettings | None:
        entry = root.entries.get("budget")
        if entry is None:
            return BudgetSettings()
        at = Spot("budget", entry.place)
        if not isinstance(entry.node, Entries):
            self.problems.add(at, f"expected a mapping with wall_s, tokens or usd, got {shown(entry.node)}")
            return None
        settings = self.decoder.settings(BudgetSettings, entry.node, at, "budget")
        if settings is not None and settings.needs_prices:
            for name in _unpriced(models):
                self.problems.add(
                    at,
                    f"money is limited, but models.{name} has no price. Give it one in US dollars for a "
                    "million tokens, price: {input: 0.10, output: 0.30}; 0 where its tokens cost nothing",
                )
        return settings

    def _cache(self, root: Entries) -> CacheSettings | None:
        entry = root.entries.get("cache")
        if entry is None:
            return CacheSettings()
        at = Spot("cache", entry.place)
        if not isinstance(entry.node, Entries):
            expected = "expected a mapping with result, semantic or embeddings"
            self.problems.add(at, f"{expected}, got {shown(entry.node)}")
            return None
        return self.decoder.settings(CacheSettings, entry.node, at, "cache")

    def _query(self, root: Entries) -> Wiring | None:
        entry = root.entries.get("query")
        return read_query(entry.node, Spot("query", entry.place), self.decoder) if entry else None


def _specs(found: Mapping[str, ComponentSpec | str]) -> Mapping[str, ComponentSpec]:
    return MappingProxyType({name: spec for name, spec in found.items() if isinstance(spec, ComponentSpec)})


def _unpriced(models: Mapping[str, ComponentSpec | str]) -> list[str]:
    """The chat models that could have a price, and have none."""
    return [
        name
        for name, spec in models.items()
        if isinstance(spec, ComponentSpec)
        and spec.use.startswith("llm/")
        and getattr(spec.settings, "price", True) is None
    ]


def _top() -> Spot:
    return Spot("", Place(1))


def _text_of(source: str | Path) -> tuple[str, Path | None]:
    if isinstance(source, str) and ("\n" in source or ": " in source or not source.strip()):
        return source, None
    path = Path(source)
    try:
        return path.read_bytes().decode("utf-8-sig"), path
    except FileNotFoundError:
        reason = "no such file. `ragkit init` writes one to start from"
    except IsADirectoryError:
        reason = f"is a folder; expected a file, for example {path / 'rag.yaml'}"
    except UnicodeDecodeError as e:
        reason = f"not UTF-8 text at byte {e.start}. Save it as UTF-8"
    except (OSError, ValueError) as e:
        reason = f"cannot be read: {getattr(e, 'strerror', None) or e}"
    raise ConfigError(f"{shortened(str(path), 300)}: {reason}", path=str(path))
