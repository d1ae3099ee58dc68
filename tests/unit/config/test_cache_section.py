"""The section `cache:`."""

from __future__ import annotations

import pytest

from ragkit.config.cache import CacheSettings
from ragkit.config.defaults import default_config, default_text
from ragkit.config.load import Config, load_config
from ragkit.errors import ConfigError


def loaded(section: str) -> Config:
    return load_config(f"{default_text()}\n{section}\n", env={})


def test_without_the_section_no_answer_is_kept() -> None:
    assert default_config().cache == CacheSettings()
    assert not default_config().cache.keeps_answers
    assert "cache" not in default_config().describe()


def test_a_cache_is_there_once_it_is_named() -> None:
    cache = loaded("cache: {result: {}, embeddings: {max_entries: 100}}").cache
    assert cache.result is not None
    assert cache.result.ttl_s == 86_400
    assert cache.semantic is None
    assert cache.embeddings.max_entries == 100


def test_what_is_described_can_be_loaded_again() -> None:
    config = loaded("cache: {semantic: {threshold: 0.9, ttl_s: 60}}")
    described = config.describe()["cache"]
    assert isinstance(described, dict)
    assert "result" not in described
    again = load_config(default_text(), set={"cache": described}, env={})
    assert again.cache == config.cache


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("cache: {result: {ttl: 3}}", r":4\d: cache.result.ttl: unknown key.*Did you mean 'ttl_s'\?"),
        ("cache: {result: {ttl_s: 0}}", r"cache.result.ttl_s: expected a number > 0, got 0"),
        ("cache: {semantic: {threshold: 1.5}}", r"cache.semantic.threshold: expected a number <= 1"),
        ("cache: {answers: {}}", r"cache.answers: unknown key. Keys of cache: result, semantic, embeddings"),
        ("cache: yes", r"cache: expected a mapping with result, semantic or embeddings, got yes"),
    ],
)
def test_a_mistake_is_told_with_its_line(section: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        loaded(section)
