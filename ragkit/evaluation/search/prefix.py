"""What configurations have in common: a stage that reads the same in the same way is run once for all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from ragkit.config.spec import Config


def stage_keys(config: Config) -> tuple[str, ...]:
    """A key for each node, equal in two configurations where the node gives the same for every question.

    It is made of the node's settings, the keys of all that it reads, and the models, the collection and the
    ingestion, which every node may lean on.
    """
    said = config.describe()
    query = said.pop("query")
    assert isinstance(query, dict)
    ground = _digest(said)
    inputs = {node.name: node.inputs for node in config.graph.nodes}
    keys: dict[str, str] = {}

    def key(name: str) -> str:
        if name not in inputs:
            return name  # the question
        if name not in keys:
            setting = query[name]
            assert isinstance(setting, dict)
            own = {word: value for word, value in setting.items() if word != "in"}
            keys[name] = _digest([ground, own, [key(above) for above in inputs[name]]])
        return keys[name]

    return tuple(key(name) for name in inputs)


def shared_runs(configs: Iterable[tuple[str, ...]]) -> int:
    """How many different stages there are in several configurations, given by their keys."""
    return len({key for keys in configs for key in keys})


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:24]
