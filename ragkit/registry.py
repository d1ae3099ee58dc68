"""Short names for components: `retrieve/dense` → a class, imported when first used.

Our own names stand in the static tables of `ragkit.built_in`. A third party registers in code with
`register`, or with an entry point of the group `ragkit.components` whose name is the short name:

    [project.entry-points."ragkit.components"]
    "rerank/mine" = "my_package.rerank:MyRerank"
"""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from importlib.metadata import entry_points
from operator import attrgetter
from typing import Any

from ragkit.built_in import BUILT_IN
from ragkit.built_in.component import Component
from ragkit.errors import ConfigError, MissingExtraError, did_you_mean

__all__ = [
    "BUILT_IN",
    "GROUP",
    "Component",
    "blueprint",
    "describe",
    "load",
    "missing_extra",
    "names",
    "register",
]

GROUP = "ragkit.components"

_registered: dict[str, Any] = {}


def register(component: type) -> type:
    """Registers a class (made with `@stage(...)`, or with a `use` attribute) under its name for this process.

    Raises:
        ConfigError: it has no name, or the name is one of ragkit's own.
    """
    name = getattr(component, "use", "")
    if "/" not in name:
        raise ConfigError(
            f"{component.__name__} has no registered name. Decorate it: @ragkit.stage('role/name')"
        )
    if name in BUILT_IN:
        raise ConfigError(f"the name {name!r} belongs to ragkit; choose another, for example 'rerank/mine'")
    _registered[name] = component
    return component


@cache
def _third_party() -> dict[str, Component]:
    return {
        point.name: Component(
            point.name,
            f"{point.module}:{point.attr}",
            f"from {point.dist.name if point.dist else 'a plugin'}",
        )
        for point in entry_points(group=GROUP)
        if point.name not in BUILT_IN
    }


def names(role: str | None = None) -> list[str]:
    """All names that can be used, sorted; of one role if given."""
    known = {**BUILT_IN, **_third_party(), **_registered}
    return sorted(name for name in known if role is None or name.partition("/")[0] == role)


def describe(name: str) -> Component:
    """What is known of a name without importing it.

    Raises:
        ConfigError: no such name; the message offers the nearest.
    """
    if name in _registered:
        cls = _registered[name]
        return Component(name, f"{cls.__module__}:{cls.__qualname__}", (cls.__doc__ or "").partition("\n")[0])
    found = BUILT_IN.get(name) or _third_party().get(name)
    if found is None:
        role = name.partition("/")[0]
        same_role = names(role)
        listing = f" Names of that role: {', '.join(same_role)}." if same_role else ""
        raise ConfigError(f"unknown name {name!r}.{did_you_mean(name, same_role or names())}{listing}")
    return found


def load(name: str) -> Any:
    """The class behind a name.

    Raises:
        ConfigError: no such name, or its module or class cannot be imported.
        MissingExtraError: the package it needs is not installed.
    """
    missing = missing_extra(name)
    if missing:
        raise missing
    return blueprint(name)


def missing_extra(name: str) -> MissingExtraError | None:
    """What would have to be installed to run a component, without importing anything; None if all is there.

    Raises:
        ConfigError: no such name.
    """
    component = describe(name)
    if not component.package or not component.extra:
        return None
    if any(map(_is_installed, component.package.split("|"))):
        return None
    return MissingExtraError(name, package=component.package, extra=component.extra)


def blueprint(name: str) -> Any:
    """The class behind a name, to read its settings and documentation: what it needs may be absent.

    It follows that a component's module must not import its vendor's package at its top.

    Raises:
        ConfigError: no such name, or its module or class cannot be imported.
    """
    if name in _registered:
        return _registered[name]
    component = describe(name)
    module, _, attribute = component.target.partition(":")
    try:
        home = importlib.import_module(module)
    except Exception as e:
        # What the module of a third party raises is a mistake of its own, whatever its kind.
        raise ConfigError(f"{name!r}: {component.target} cannot be imported: {type(e).__name__}: {e}") from e
    try:
        return attrgetter(attribute)(home)
    except AttributeError as e:
        raise ConfigError(f"{name!r}: {module} has no {attribute}") from e


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ModuleNotFoundError, ValueError):
        return False
