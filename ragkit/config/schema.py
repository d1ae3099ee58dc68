"""The JSON Schema of `rag.yaml`, by which an editor completes, explains and checks the file.

It is somewhat stricter than loading is: text that looks like a number has to be quoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from ragkit import registry
from ragkit.config.budget import BudgetSettings
from ragkit.config.cache import CacheSettings
from ragkit.config.component import CHUNKERS, LOADERS, MODELS, STAGES, STORES, Section, settings_class
from ragkit.config.spec import FORMAT_VERSION, CollectionSettings, NodeSettings

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Looser than the loader's: `\w` is ASCII alone in the regular expressions of most editors.
NAME_PATTERN = r"^[^\s\d.:/-][^\s.:/]*$"
_VARIABLE: JsonSchemaValue = {
    "type": "string",
    "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^{}]*)?\}",
    "description": "A variable of the environment: ${NAME} or ${NAME:-default}.",
}
_FIELD_TYPE = {"type": "string", "pattern": "^(keyword|text|integer|number|boolean|datetime)!?$"}


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12), with every registered component, whether or not what it needs is installed.

    Each entry with a `use` is one of the components that may stand there; its keys are closed, with their
    defaults, bounds and descriptions. Where a number or a flag is expected, `${NAME}` will do too.

    Raises:
        ConfigError: a registered class cannot be imported.
    """
    definitions: dict[str, Any] = {}
    sections = {
        "models": _named("What embeds, reranks or writes, by name.", MODELS, definitions),
        "stores": _named("Where passages are kept, by name.", STORES, definitions),
        "collection": _collection(definitions),
        "ingest": {
            "description": "Where documents come from, and how they become passages.",
            "type": "object",
            "properties": {
                "load": _entry(LOADERS, definitions),
                "chunk": _entry(CHUNKERS, definitions),
            },
            "additionalProperties": False,
        },
        "query": _named("The graph: its nodes by name.", STAGES, definitions, NodeSettings),
        "budget": {
            **_settings(BudgetSettings, definitions, "budget"),
            "description": "What a question may take of time, tokens and money.",
        },
        "cache": {
            **_settings(CacheSettings, definitions, "cache"),
            "description": "What is kept around the graph: answers, and vectors of texts.",
        },
    }
    version = {"const": FORMAT_VERSION, "description": "Version of this format."}
    return {
        "$schema": DIALECT,
        "title": "rag.yaml",
        "description": "A RAG system: models, stores, a collection, ingestion, and the graph of a query.",
        "type": "object",
        "properties": {"ragkit": version, **sections},
        "required": ["ragkit", "models", "stores", "collection", "query"],
        "additionalProperties": False,
        "$defs": definitions,
    }


class _Generate(GenerateJsonSchema):
    """Types that have no schema of their own are left open instead of being refused."""

    def handle_invalid_for_json_schema(
        self, schema: core_schema.CoreSchema, error_info: str
    ) -> JsonSchemaValue:
        """The schema that accepts anything."""
        return {}

    def encode_default(self, dft: Any) -> Any:
        """A default as it would be written; one that cannot be is left out by its representation."""
        try:
            return super().encode_default(dft)
        except ValueError:
            return str(dft)


def _named(
    description: str, section: Section, definitions: dict[str, Any], others: type[BaseModel] | None = None
) -> JsonSchemaValue:
    return {
        "description": description,
        "type": "object",
        "propertyNames": {"pattern": NAME_PATTERN},
        "additionalProperties": _entry(section, definitions, others),
        "minProperties": 1,
    }


def _entry(
    section: Section, definitions: dict[str, Any], others: type[BaseModel] | None = None
) -> JsonSchemaValue:
    """One component: told apart by `use`, so that an editor reports the mistakes of the one that is meant."""
    names = [name for name in section.roles() if _belongs(name, section)]
    for name in names:
        definitions[_key(name)] = _component(name, definitions, others)
    chosen = [
        {
            "if": {"properties": {"use": {"const": name}}, "required": ["use"]},
            "then": {"$ref": f"#/$defs/{_key(name)}"},
        }
        for name in names
    ]
    whole = {
        "type": "object",
        "properties": {"use": {"anyOf": [{"enum": names}, _VARIABLE]}},
        "required": ["use"],
        **({"allOf": chosen} if chosen else {}),
    }
    return {"if": {"type": "string"}, "then": {"anyOf": [{"enum": names}, _VARIABLE]}, "else": whole}


def _belongs(name: str, section: Section) -> bool:
    return section.accepts(name.partition("/")[0], registry.blueprint(name))


def _component(name: str, definitions: dict[str, Any], others: type[BaseModel] | None) -> JsonSchemaValue:
    component = registry.describe(name)
    extra = f" Needs ragkit[{component.extra.replace('|', '] or ragkit[')}]." if component.extra else ""
    schema = _settings(settings_class(registry.blueprint(name)), definitions, _key(name))
    run = _settings(others, definitions, "node") if others else {"properties": {}}
    return {
        "title": name,
        "description": f"{component.summary}{extra}".strip(),
        "type": "object",
        "properties": {
            "use": {"const": name, "description": component.summary},
            **schema.get("properties", {}),
            **run["properties"],
        },
        "required": ["use", *schema.get("required", [])],
        "additionalProperties": False,
    }


def _collection(definitions: dict[str, Any]) -> JsonSchemaValue:
    schema = _settings(CollectionSettings, definitions, "collection")
    schema["description"] = "What the graph reads: a store, its embedder, and the metadata it declares."
    schema["properties"]["fields"] |= {
        "additionalProperties": {
            "anyOf": [_FIELD_TYPE, {"type": "array", "items": _FIELD_TYPE, "minItems": 1, "maxItems": 1}]
        }
    }
    return schema


def _settings(cls: type[BaseModel], definitions: dict[str, Any], owner: str) -> dict[str, Any]:
    """The schema of a settings class; the classes within it go to `definitions`."""
    mode: JsonSchemaMode = "validation"
    raw = cls.model_json_schema(
        by_alias=True, ref_template=f"#/$defs/{owner}.{{model}}", schema_generator=_Generate, mode=mode
    )
    for name, inner in raw.pop("$defs", {}).items():
        definitions[f"{owner}.{name}"] = _open(inner)
    raw.pop("title", None)
    opened: dict[str, Any] = _open(raw)
    return opened


def _open(schema: Any) -> Any:
    """The schema with a variable allowed wherever a number, a flag or one of several words is expected."""
    if isinstance(schema, list):
        return [_open(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    opened = {key: _open_key(key, value) for key, value in schema.items() if not _is_noise(key, value)}
    if not _is_narrow(opened):
        return opened
    outer = {key: opened.pop(key) for key in ("description", "default") if key in opened}
    return {"anyOf": [opened, _VARIABLE], **outer}


def _open_key(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: _open(inner) for name, inner in value.items()}
    return value if key in {"default", "enum", "const", "required", "examples"} else _open(value)


def _is_noise(key: str, value: Any) -> bool:
    return key == "title" and isinstance(value, str)


def _is_narrow(schema: Mapping[str, Any]) -> bool:
    """No variable would pass: a number or flag, a choice, or a text with bounds of its own."""
    if schema.get("type") in {"integer", "number", "boolean"} or "enum" in schema or "const" in schema:
        return True
    return schema.get("type") == "string" and any(key in schema for key in ("pattern", "maxLength"))


def _key(name: str) -> str:
    """A component's name as a definition's: a slash would need escaping in every reference."""
    return name.replace("/", ".")
