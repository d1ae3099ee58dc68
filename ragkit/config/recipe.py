"""The part of a configuration that workers elsewhere need, as text, without keys and passwords.

A value that a file takes from the environment stands in it as `${NAME}`: each worker reads its own. What is
written out in the file and must not be seen cannot be sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from ragkit.config.load import load_config
from ragkit.config.resolve import with_models
from ragkit.config.spec import FORMAT_VERSION, NODE_KEYS, ComponentSpec, Config
from ragkit.config.tree import Plain
from ragkit.errors import ConfigError
from ragkit.fields import FieldSpec
from ragkit.secrets import HIDDEN

_NOWHERE: Plain = {"nowhere": {"use": "store/local", "path": "nowhere"}}
_NO_QUERY: Plain = {
    "dense": {"use": "retrieve/dense"},
    "fuse": {"use": "fuse/rrf"},
    "generate": {"use": "generate/extractive"},
}


def making_recipe(config: Config, models: Iterable[str], fields: Mapping[str, FieldSpec]) -> str:
    """What it takes to read, cut and embed: no store, no query, and of the models only those that are named.

    Args:
        config: the whole.
        models: names of those that work on passages; those that these name come along.
        fields: the collection's.

    Raises:
        ConfigError: it holds a secret that no variable names, or objects that cannot be written down.
    """
    collection: Plain = {
        "store": "nowhere",
        "embed": config.collection.embed,
        "bm25": config.collection.bm25.model_dump(mode="json"),
        "fields": {name: _plain(spec.declaration) for name, spec in fields.items()},
    }
    return _checked(
        {
            "ragkit": FORMAT_VERSION,
            "models": _described(config.models, _with_those_they_name(config.models, models), "models"),
            "stores": _NOWHERE,
            "collection": collection,
            "ingest": {"chunk": _without_secrets(config.ingest.chunk, "ingest.chunk")},
            "query": _NO_QUERY,
        }
    )


def asking_recipe(config: Config) -> str:
    """What it takes to ask: the whole but for stores that are not in use.

    Raises:
        ConfigError: as `making_recipe`.
    """
    described = config.describe()
    store = config.collection.store
    described["stores"] = _described(config.stores, [store], "stores")
    described["models"] = _described(config.models, config.models, "models")
    collection = described["collection"]
    assert isinstance(collection, dict)
    described["collection"] = {**collection, "store": store, "embed": config.collection.embed}
    nodes = described["query"]
    assert isinstance(nodes, dict)
    for name, node in nodes.items():
        assert isinstance(node, dict)
        run = {key: value for key, value in node.items() if key in NODE_KEYS}
        nodes[name] = {**_without_secrets(config.stages[name], f"query.{name}"), **run}
    return _checked(described)


def _with_those_they_name(models: Mapping[str, ComponentSpec], names: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}

    def add(name: str) -> None:
        if name in models and name not in found:
            found[name] = None
            with_models(models[name].settings, add)

    for name in names:
        add(name)
    return list(found)


def _described(specs: Mapping[str, ComponentSpec], names: Iterable[str], section: str) -> Plain:
    return {name: _without_secrets(specs[name], f"{section}.{name}") for name in names}


def _without_secrets(spec: ComponentSpec, where: str) -> dict[str, Plain]:
    # A file can leave out what is not there, and cannot always write it.
    unset = {
        info.alias or name for name, info in type(spec.settings).model_fields.items() if info.default is None
    }
    described = {k: v for k, v in spec.describe().items() if v is not None or k not in unset}
    for key, value in described.items():
        if any(HIDDEN in text for text in _texts(value)):
            raise ConfigError(
                f"{where}.{key}: a secret that is written out is not sent to workers. Write it as a "
                f"variable, {key}: ${{NAME}}, and set the variable on each node"
            )
    return described


def _texts(value: Plain) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _plain(value: object) -> Plain:
    plain: Plain = json.loads(json.dumps(value))
    return plain


def _checked(recipe: Plain) -> str:
    """The recipe as text (JSON is YAML too), once it is known that it can be read."""
    text = json.dumps(recipe, indent=1)
    try:
        load_config(text)
    except ConfigError as e:
        problems = "; ".join(e.problems)
        raise ConfigError(
            "this configuration cannot be handed to workers: they make everything anew from what a file can "
            f"say, and not from objects of this process ({problems}). Declare these parts in a rag.yaml, or "
            "work in this process"
        ) from e
    return text
