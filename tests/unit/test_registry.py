from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from ragkit import registry
from ragkit.built_in import TABLES
from ragkit.errors import ConfigError, MissingExtraError
from ragkit.graph.stage import Stage, ports_of, stage
from ragkit.registry import BUILT_IN, Component, describe, load, names, register

MODULE = "tests_registry_plugin"


@pytest.fixture(autouse=True)
def _own_process_registrations(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_registered", {})
    registry._third_party.cache_clear()
    yield
    registry._third_party.cache_clear()


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An importable module of a third party, with its entry points."""
    (tmp_path / f"{MODULE}.py").write_text("class Mine:\n    class Inner:\n        pass\n")
    (tmp_path / f"{MODULE}_broken.py").write_text("raise ValueError('half configured')\n")
    monkeypatch.syspath_prepend(tmp_path)
    points = EntryPoints(
        [
            EntryPoint("rerank/mine", f"{MODULE}:Mine", registry.GROUP),
            EntryPoint("rerank/lost", f"{MODULE}:Lost", registry.GROUP),
            EntryPoint("rerank/gone", "tests_registry_absent:Gone", registry.GROUP),
            EntryPoint("rerank/broken", f"{MODULE}_broken:Mine", registry.GROUP),
            EntryPoint("rerank/inner", f"{MODULE}:Mine.Inner [fast]", registry.GROUP),
            EntryPoint("retrieve/dense", f"{MODULE}:Mine", registry.GROUP),
        ]
    )
    monkeypatch.setattr(registry, "entry_points", lambda group: points.select(group=group))
    yield MODULE
    sys.modules.pop(MODULE, None)


def own(name: str) -> type:
    return type("Own", (), {"use": name, "__doc__": "Does it.\n\nAt length."})


@pytest.mark.parametrize("component", BUILT_IN.values(), ids=lambda c: c.name)
def test_a_built_in_row_is_complete(component: Component) -> None:
    module, _, attribute = component.target.partition(":")
    assert component.name.count("/") == 1
    assert module.startswith(("ragkit.", "ragkit_connectors."))
    assert attribute.isidentifier()
    assert component.summary
    assert (component.extra is None) is (component.package is None)


@pytest.mark.parametrize("name", [n for n, c in BUILT_IN.items() if c.extra is None])
def test_a_built_in_that_needs_no_extra_loads(name: str) -> None:
    cls = load(name)
    assert inspect.isclass(cls) or callable(cls)
    if inspect.isclass(cls) and issubclass(cls, Stage):
        assert cls.use == name
        assert ports_of(cls).takes is not object


def test_names_are_sorted_and_can_be_of_one_role() -> None:
    assert names() == sorted(names())
    assert set(names("retrieve")) == {n for n in names() if n.startswith("retrieve/")}
    assert "retrieve/dense" in names("retrieve")
    assert names("nothing") == []


def test_a_registered_class_is_found_under_its_name() -> None:
    cls = register(own("rerank/own"))
    assert load("rerank/own") is cls
    assert "rerank/own" in names("rerank")
    assert describe("rerank/own") == Component("rerank/own", f"{cls.__module__}:Own", "Does it.")
    assert describe("rerank/own").role == "rerank"


def test_a_stage_made_of_a_function_can_be_registered() -> None:
    @stage("rerank/reverse")
    def reverse(words: list, *, times: int = 1) -> list:  # type: ignore[type-arg]
        return words[::-1]

    register(reverse)
    assert load("rerank/reverse") is reverse


@pytest.mark.parametrize("name", ["", "own"])
def test_a_class_without_a_name_cannot_be_registered(name: str) -> None:
    with pytest.raises(ConfigError, match=r"Own has no registered name. Decorate it: @ragkit\.stage"):
        register(own(name))


def test_our_own_names_cannot_be_taken() -> None:
    with pytest.raises(ConfigError, match="'retrieve/dense' belongs to ragkit; choose another"):
        register(own("retrieve/dense"))


def test_an_unknown_name_gets_the_nearest_and_all_of_its_role() -> None:
    with pytest.raises(
        ConfigError, match=r"unknown name 'retrieve/dens'. Did you mean 'retrieve/dense'\?"
    ) as caught:
        describe("retrieve/dens")
    assert f"Names of that role: {', '.join(names('retrieve'))}." in str(caught.value)


def test_an_unknown_role_gets_the_nearest_of_all_names() -> None:
    with pytest.raises(ConfigError, match=r"unknown name 'retreive/dense'. Did you mean 'retrieve/dense'\?"):
        load("retreive/dense")


def test_an_entry_point_of_a_third_party_loads(plugin: str) -> None:
    assert load("rerank/mine").__module__ == plugin
    assert "rerank/mine" in names("rerank")
    assert describe("rerank/mine").summary == "from a plugin"


@pytest.mark.usefixtures("plugin")
def test_an_entry_point_cannot_take_our_own_name() -> None:
    assert describe("retrieve/dense") is BUILT_IN["retrieve/dense"]


def test_describing_does_not_import(plugin: str) -> None:
    assert describe("rerank/mine").target == f"{plugin}:Mine"
    assert plugin not in sys.modules


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("rerank/lost", f"'rerank/lost': {MODULE} has no Lost"),
        ("rerank/gone", "'rerank/gone': tests_registry_absent:Gone cannot be imported"),
        ("rerank/broken", "cannot be imported: ValueError: half configured"),
    ],
)
def test_a_target_that_is_not_there_is_named(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(name)


def test_a_class_within_a_class_and_an_extra_may_be_named(plugin: str) -> None:
    assert load("rerank/inner") is importlib.import_module(plugin).Mine.Inner


def test_a_missing_package_is_named_with_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Component("store/far", "tests_registry_absent:Far", "far away", "far", "tests_registry_absent_sdk")
    monkeypatch.setitem(BUILT_IN, "store/far", row)
    with pytest.raises(MissingExtraError, match=r"tests_registry_absent_sdk.*pip install 'ragkit\[far\]'"):
        load("store/far")


def test_the_registry_imports_no_component() -> None:
    program = (
        "import sys, ragkit.registry as r\n"
        "[r.describe(name) for name in r.names()]\n"
        "targets = {c.target.partition(':')[0] for c in r.BUILT_IN.values()}\n"
        "print(sorted(targets & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_each_of_our_names_stands_in_one_table() -> None:
    assert sum(map(len, TABLES)) == len(BUILT_IN)
    assert all(name == component.name for name, component in BUILT_IN.items())


def test_where_one_of_several_packages_is_enough_each_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_is_installed", lambda _: False)
    missing = registry.missing_extra("store/qdrant")
    assert str(missing) == (
        "'store/qdrant' needs the package qdrant_client or qdrant_edge, which is not installed. "
        "Run: pip install 'ragkit[qdrant]' or: pip install 'ragkit[qdrant-edge]'"
    )
    monkeypatch.setattr(registry, "_is_installed", lambda package: package == "qdrant_edge")
    assert registry.missing_extra("store/qdrant") is None
