"""`--on ADDRESS`: the name of a place whose workers do the work, and what such a place offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from ragkit import registry
from ragkit.errors import ConfigError, did_you_mean
from ragkit.ingest.crew import Hire

LOCAL = "local"


@runtime_checkable
class Elsewhere(Protocol):
    """A place with workers, such as a Ray cluster."""

    def hire(self, recipe: str, reader: str | None) -> Hire:
        """Makes crews from a recipe, see `ragkit.config.recipe`.

        Args:
            recipe: what workers are made from.
            reader: the name there of a reranker that reads along with the embedder.
        """
        ...


def place(
    on: str | Elsewhere | None, *, workers: int | None = None, gpus: float | None = None
) -> Elsewhere | None:
    """The place that is named: `ray`, `ray://HOST:PORT`; None for this process, which is `local`.

    Args:
        on: its name, or the place itself.
        workers: how many are asked for; as many as it has slots when left out.
        gpus: GPUs that each of them holds; none when left out.

    Raises:
        ConfigError: there is no such place, or workers or GPUs are asked for where there are none.
        MissingExtraError: what it needs is not installed.

    >>> place("local") is None
    True
    """
    settings: Mapping[str, Any] = {
        name: value for name, value in (("workers", workers), ("gpus", gpus)) if value is not None
    }
    if on is None or on == LOCAL:
        if settings:
            raise ConfigError(
                f"{' and '.join(settings)}: of a cluster's. Say which, on='ray' (--on ray), or leave it out"
            )
        return None
    if not isinstance(on, str):
        if not isinstance(on, Elsewhere):
            raise ConfigError(f"on={on!r}: expected a place such as 'ray', or 'local'")
        return on
    kind = on.partition("://")[0]
    known = [name.partition("/")[2] for name in registry.names("on")]
    if kind not in known:
        raise ConfigError(
            f"on={on!r}: no such place.{did_you_mean(kind, [LOCAL, *known])} Expected {LOCAL}, "
            f"{', '.join(known)}, or an address such as ray://head:10001"
        )
    made: Elsewhere = registry.load(f"on/{kind}")(address=on if "://" in on else "", **settings)
    return made
