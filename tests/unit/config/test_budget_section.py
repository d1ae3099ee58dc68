"""The section `budget:` of a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragkit.config.budget import BudgetSettings, TenantBudgetSettings
from ragkit.config.defaults import default_config
from ragkit.config.load import load_config
from ragkit.config.schema import json_schema
from ragkit.errors import ConfigError

FILE = """
ragkit: 1
models:
  embed: {use: embed/bundled}
  chat: {use: llm/openai, base_url: "http://localhost:1/v1", model: m, PRICE}
stores: {local: {use: store/local, path: ./index}}
collection: {store: local, embed: embed}
query:
  dense: {use: retrieve/dense}
  fuse: {use: fuse/rrf}
  generate: {use: generate/cited, llm: chat}
  verify: {use: verify/citations}
"""
PRICED = FILE.replace(", PRICE", ", price: {input: 1, output: 2}")
UNPRICED = FILE.replace(", PRICE", "")


def test_nothing_is_limited_where_nothing_is_said() -> None:
    assert default_config().budget == BudgetSettings()
    assert "budget" not in default_config().describe()


def test_the_section_is_read_and_shown() -> None:
    text = PRICED + (
        "budget: {wall_s: 25, tokens: 6000, usd: 0.02, on_exceed: fail, tenant: {usd: 5, window_s: 60}, "
        "tokenizer: t.json}\n"
    )
    config = load_config(text)
    assert config.budget == BudgetSettings(
        wall_s=25.0,
        tokens=6000,
        usd=0.02,
        on_exceed="fail",
        tenant=TenantBudgetSettings(usd=5.0, window_s=60.0),
        tokenizer=Path("t.json"),
    )
    shown = config.describe()["budget"]
    assert load_config(PRICED + f"budget: {json.dumps(shown)}\n").budget == config.budget


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("25", "expected a mapping with wall_s, tokens or usd"),
        ("{walls: 2}", "Did you mean 'wall_s'"),
        ("{tokens: 0}", "tokens"),
        ("{usd: -1}", "usd"),
        ("{on_exceed: stop}", "on_exceed"),
        ("{tenant: {window: 5}}", "window_s"),
    ],
)
def test_mistakes_are_told_with_their_line(section: str, says: str) -> None:
    with pytest.raises(ConfigError, match=f"<text>:13: budget.*{says}"):
        load_config(PRICED + f"budget: {section}\n")


@pytest.mark.parametrize("section", ["{usd: 0.02}", "{tenant: {usd: 5}}"])
def test_money_is_limited_only_where_it_is_known_what_tokens_cost(section: str) -> None:
    assert load_config(PRICED + f"budget: {section}\n").budget.needs_prices
    with pytest.raises(ConfigError, match=r"models\.chat has no price.*price: \{input"):
        load_config(UNPRICED + f"budget: {section}\n")
    load_config(UNPRICED + "budget: {tokens: 6000}\n")


def test_an_editor_knows_the_section() -> None:
    schema = json_schema()
    assert set(schema["properties"]["budget"]["properties"]) == set(BudgetSettings.model_fields)
    assert "window_s" in schema["$defs"]["budget.TenantBudgetSettings"]["properties"]
