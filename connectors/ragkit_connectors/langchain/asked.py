"""What of a call's configuration in LangChain says for whom it asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config

from ragkit_connectors.bridge.reader import NAMES


def asked_in(config: RunnableConfig | None) -> dict[str, Any]:
    """What of `tenant`, `acl` and `filter` a call's `configurable` says."""
    given: Mapping[str, Any] = ensure_config(config).get("configurable") or {}
    return {name: given[name] for name in NAMES if given.get(name) is not None}
