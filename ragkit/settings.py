"""The base of every component's settings: frozen, unknown keys refused, references by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails

from ragkit.errors import ConfigError, did_you_mean


class Settings(BaseModel):
    """Settings of a component. Keys are checked, values are frozen, nothing is coerced silently.

    >>> class Cut(Settings):
    ...     k: int = 10
    >>> Cut(k=3).k
    3
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, validate_default=True
    )

    @classmethod
    def checked(cls, name: str, given: Mapping[str, object]) -> Self:
        """These settings for the component `name`.

        Raises:
            ConfigError: unknown, missing or wrong settings, all of them at once; the cause is pydantic's
                `ValidationError`.
        """
        try:
            return cls(**given)
        except ValidationError as e:
            raise ConfigError([_problem(name, list(cls.model_fields), error) for error in e.errors()]) from e

    def as_keywords(self) -> dict[str, Any]:
        """All settings by the keys they are written with, to make the same settings of."""
        fields = type(self).model_fields
        return {info.alias or name: getattr(self, name) for name, info in fields.items()}


def _problem(name: str, keys: list[str], error: ErrorDetails) -> str:
    key = ".".join(str(part) for part in error["loc"])
    match error["type"]:
        case "extra_forbidden":
            listing = f"Settings of {name!r}: {', '.join(keys)}." if keys else f"{name!r} has no settings."
            return f"{name}: {key}: unknown setting. {listing}{did_you_mean(key, keys)}"
        case "missing":
            return f"{name}: {key}: missing; this setting has no default"
        case _:
            where = f"{name}: {key}" if key else name
            return f"{where}: {error['msg'].removeprefix('Value error, ')}"


@dataclass(frozen=True, slots=True)
class Ref:
    """Marks a field that names something declared elsewhere: a `model`, a `store` or a `node`.

    `role` narrows a model to what it must be able to do (`embed`, `rerank`, `llm`), so that the check
    can say that a reranker was given where an embedder is needed.
    """

    kind: str
    role: str = ""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """In a file a reference is a name, whatever object may stand for it in Python."""
        return {"type": "string"}


# In YAML a reference is the name under `models:`, `stores:` or `query:`; in Python it may be the object.
EmbedderRef = Annotated[Any, Ref("model", "embed")]
RerankerRef = Annotated[Any, Ref("model", "rerank")]
ChatModelRef = Annotated[Any, Ref("model", "llm")]
StoreRef = Annotated[Any, Ref("store", "store")]
NodeRef = Annotated[Any, Ref("node")]
