"""Whatever is written, it loads or is refused with a ConfigError; nothing else comes out."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.config.load import load_config
from ragkit.config.spec import Config
from ragkit.errors import ConfigError

pytestmark = pytest.mark.usefixtures("toys")
relaxed = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
GOOD: dict[str, Any] = {
    "ragkit": 1,
    "models": {"embed": {"use": "embed/bundled"}, "rerank": "rerank/bundled"},
    "stores": {"local": {"use": "store/local", "path": "x"}},
    "collection": {"store": "local", "embed": "embed", "bm25": {"k1": 1.2}, "fields": {"tenant": "keyword!"}},
    "ingest": {"chunk": {"use": "chunk/recursive", "size": 300}},
    "query": {
        "plan": {"use": "query/route", "to": ["dense"], "models": ["embed"]},
        "dense": {"use": "retrieve/dense", "in": "plan", "k": 5, "when": "history", "on_error": "skip"},
        "sparse": {"use": "retrieve/bm25", "in": ["plan"]},
        "fuse": {"use": "fuse/weighted", "in": ["dense", "sparse"], "weights": {"dense": 0.5}},
        "rerank": {"use": "rerank/model", "model": "rerank", "retries": 1, "timeout_s": 2},
        "generate": "generate/extractive",
        "verify": {"use": "verify/citations", "on_unsupported": "flag"},
    },
}
WORDS = st.sampled_from(
    [
        "embed",
        "local",
        "use",
        "in",
        "k",
        "store/local",
        "embed/bundled",
        "fuse/rrf",
        "rerank/model",
        "question",
        "${X}",
        "${X:-1}",
        "$${",
        "${",
        "no",
        "~",
        "08",
        "1e999",
        ".inf",
        "true",
        "fail",
        "a.b",
        "<<",
    ]
)
scalars = WORDS | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def attempt(text: Any, **options: Any) -> Config | ConfigError:
    """What loading comes to; any other error goes through and fails the test."""
    try:
        return load_config(text, env={"X": "s3cr3t"}, **options)
    except ConfigError as e:
        return e


def check_words(outcome: Config | ConfigError) -> None:
    """A refusal has its reasons, one line each."""
    if isinstance(outcome, ConfigError):
        assert outcome.problems
        assert not [problem for problem in outcome.problems if "\n" in problem]


def paths(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every value in a tree of lists and dicts."""
    below = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(p for key, value in below for p in paths(value, (*path, key)))]


def changed(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    if isinstance(tree, dict):
        return {key: changed(v, path[1:], value) if key == path[0] else v for key, v in tree.items()}
    return [changed(v, path[1:], value) if i == path[0] else v for i, v in enumerate(tree)]


def test_the_unchanged_configuration_loads() -> None:
    assert isinstance(attempt(yaml.safe_dump(GOOD, sort_keys=False)), Config)


@relaxed
@given(st.text(max_size=200) | st.text(alphabet="{}[]:,-&*!|>'\"%@`# \n\tab1$?~<=.", max_size=80))
def test_any_text(text: str) -> None:
    check_words(attempt(text + "\n"))


@relaxed
@given(trees)
def test_any_yaml(tree: Any) -> None:
    check_words(attempt(yaml.safe_dump(tree) + "\n"))


@relaxed
@given(st.sampled_from(paths(GOOD)), trees)
def test_any_value_anywhere(path: tuple[Any, ...], value: Any) -> None:
    check_words(attempt(yaml.safe_dump(changed(GOOD, path, value), sort_keys=False) + "\n"))


@relaxed
@given(
    st.dictionaries(
        st.sampled_from([".".join(map(str, path)) for path in paths(GOOD)]) | st.text(max_size=10),
        trees,
        max_size=3,
    )
)
def test_any_override(changes: dict[str, Any]) -> None:
    check_words(attempt(yaml.safe_dump(GOOD, sort_keys=False), set=changes))


@relaxed
@given(st.text(max_size=30))
def test_any_path(name: str) -> None:
    check_words(attempt(name))


@relaxed
@given(st.sampled_from(paths(GOOD)), st.sampled_from(["${X}", "a${X}", "${X}/${X}"]))
def test_a_mistaken_variable_never_shows_its_value(path: tuple[Any, ...], value: str) -> None:
    text = yaml.safe_dump(changed(GOOD, path, value), sort_keys=False)
    outcome = attempt(text + "\n")
    shown = str(outcome) if isinstance(outcome, ConfigError) else f"{outcome!r} {outcome.describe()}"
    assert "s3cr3t" not in shown
