"""What a stage's value depends on, as one key: equal keys, equal values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from ragkit import registry
from ragkit.assembly import Assembly
from ragkit.config.spec import Config
from ragkit.errors import ConfigError
from ragkit.evaluation.runner.code import code_version, source_version
from ragkit.graph.spec import SOURCE, GraphSpec, NodeSpec
from ragkit.graph.stage import Stage
from ragkit.settings import Ref, Settings
from ragkit.types import QueryPlan

_VERSION = 1
_LARGE = 16 * 2**20
_PLAIN = (bool, int, float, str, bytes, list, tuple, set, frozenset, dict, type(None))
Key = bytes


@dataclass(frozen=True, slots=True)
class StageKeys:
    """The keys of a graph's nodes. A node whose conduct is not known by its settings has none, and neither
    have those that read it.

    Args:
        nodes: what is known of each node, None where that does not decide what it does; in the graph's order.
        inputs: the nodes that each reads.
        search: what is searched, and how.

    >>> keys = StageKeys({"a": "x", "b": "y", "c": None}, {"a": ("question",), "b": ("a",), "c": ("b",)}, "")
    >>> sorted(keys.of(QueryPlan.of("How long is it?")))
    ['a', 'b']
    """

    nodes: Mapping[str, str | None]
    inputs: Mapping[str, tuple[str, ...]]
    search: str

    def of(self, plan: QueryPlan) -> dict[str, Key]:
        """The key of each node's value for a plan, 16 bytes."""
        keys = {SOURCE: _digest([self.search, repr(plan)])}
        for name, identity in self.nodes.items():
            sources = self.inputs[name]
            if identity is not None and all(source in keys for source in sources):
                keys[name] = _digest([identity, *(keys[source].hex() for source in sources)])
        del keys[SOURCE]
        return keys


def stage_keys(
    spec: GraphSpec, order: Sequence[str], config: Config, parts: Assembly, index: str
) -> StageKeys:
    """The keys of a graph whose stages are not set up yet.

    Args:
        spec: the graph.
        order: its nodes in the order of their running; a stand-in is none of them.
        config: what its models are declared in.
        parts: the models.
        index: identifies what is searched.
    """
    nodes = {node.name: node for node in spec.nodes}
    search = [_VERSION, code_version(), index, config.collection.bm25.model_dump(mode="json")]
    return StageKeys(
        {name: _identity(nodes[name], config, parts) for name in order},
        {name: nodes[name].inputs for name in order},
        json.dumps(search, sort_keys=True),
    )


def _identity(node: NodeSpec, config: Config, parts: Assembly) -> str | None:
    stage = node.stage
    if not _is_made_of_settings(stage):
        return None
    settings = _settings(stage.config, config, parts)
    if settings is None:
        return None
    return json.dumps([stage.use, settings, node.when, source_version(type(stage))], sort_keys=True)


def _is_made_of_settings(stage: Stage[Any, Any]) -> bool:
    """Whether it is a registered stage as its settings make it: one made in code may hold more."""
    cls = type(stage)
    try:
        component = registry.describe(stage.use)
        fresh = cls(**stage.config.as_keywords())
    except (ConfigError, TypeError):
        return False
    is_registered = component.target == f"{cls.__module__}:{cls.__qualname__}"
    return is_registered and _alike(vars(fresh), vars(stage))


def _alike(fresh: Mapping[str, object], own: Mapping[str, object]) -> bool:
    """Whether two of a class hold the same names, and the same under each where that is a plain value."""
    if fresh.keys() != own.keys():
        return False
    pairs = [(fresh[name], own[name]) for name in fresh]
    return all(one == other for one, other in pairs if isinstance(one, _PLAIN) and isinstance(other, _PLAIN))


def _settings(settings: Settings, config: Config, parts: Assembly) -> dict[str, Any] | None:
    """The settings as plain values, models by what they are; None where one of them is no plain value."""
    fields = type(settings).model_fields
    known: dict[str, Any] = {}
    try:
        for name, info in fields.items():
            value = getattr(settings, name)
            ref = next((part for part in info.metadata if isinstance(part, Ref)), None)
            if ref is None:
                known[name] = settings.model_dump(mode="json", include={name})
                if files := [_files(path) for path in _paths(value)]:
                    known[f"{name}:files"] = files
            elif value is not None and (ref.kind != "model" or not isinstance(value, str)):
                return None
            elif value is not None:
                known[name] = _model(value, config, parts)
    except PydanticSerializationError:
        return None
    return known


def _model(name: str, config: Config, parts: Assembly) -> Any:
    component = config.models[name]
    fingerprint = None
    loads = {"embed": parts.embedder, "rerank": parts.reranker, "llm": parts.chat_model}
    load = loads.get(component.use.partition("/")[0])
    if load is not None:
        fingerprint = getattr(load(name), "fingerprint", None)
    settings = component.settings
    return [component.use, settings.model_dump(mode="json"), files_of(settings), fingerprint]


def files_of(settings: Settings) -> list[list[list[Any]]]:
    """What the settings of a model point to: names and contents of the files.

    A `model` is the name of one on a hub, unless there is a folder of that name: then it is that folder.
    """
    given = settings.as_keywords()
    model = given.get("model")
    own = [Path(model)] if isinstance(model, str) and Path(model).is_dir() else []
    return [_files(path) for path in (*_paths(given), *own)]


def _paths(value: object) -> Iterator[Path]:
    """All paths in a setting, which may be a list, a mapping, or settings of their own."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, BaseModel):
        yield from _paths(dict(value))
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _paths(part)
    elif isinstance(value, list | tuple | set | frozenset):
        for part in sorted(value, key=repr) if isinstance(value, set | frozenset) else value:
            yield from _paths(part)


def _files(path: Path) -> list[list[Any]]:
    """Names and contents of what a setting points to: a model that was trained again is another."""
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [[str(one), *_content(one)] for one in found if one.is_file()]


def _content(path: Path) -> tuple[int, int | str]:
    """Its size and a digest; of a large file, its time instead of the digest."""
    stat = path.stat()
    if stat.st_size > _LARGE:
        return stat.st_size, stat.st_mtime_ns
    return stat.st_size, hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _digest(parts: list[str]) -> Key:
    return hashlib.sha256(json.dumps(parts).encode()).digest()[:16]
