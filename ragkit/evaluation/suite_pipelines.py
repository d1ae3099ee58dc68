"""`pipelines:` of a suite: names and configurations, each read and checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragkit.config.decode import Decoder
from ragkit.config.defaults import default_config
from ragkit.config.load import load_config
from ragkit.config.problems import Problems, Spot, shortened
from ragkit.config.spec import Config
from ragkit.config.tree import Entries, Entry, Node, Text, is_null, shown, written
from ragkit.errors import ConfigError
from ragkit.evaluation.suite import NAME, NAME_EXPECTED, PipelineSource
from ragkit.evaluation.suite_keys import PipelineKeys


@dataclass(slots=True)
class PipelineReader:
    """Reads the pipelines of the suite `file`.

    Args:
        of_configs: the mistakes of their configurations, each with where the pipeline stands.

    Example:
        reader = PipelineReader(problems, decoder, file="suite.yaml")
        pipelines = reader.read(root.entries.get("pipelines"))
    """

    problems: Problems
    decoder: Decoder
    file: str = field(kw_only=True)
    of_configs: list[str] = field(default_factory=list, kw_only=True)

    def read(self, entry: Entry | None) -> dict[str, PipelineSource]:
        """The pipelines by name; the embedded default where none is named."""
        if entry is None or is_null(entry.node):
            return {"default": PipelineSource(config=default_config())}
        at = Spot("pipelines", entry.place)
        if not isinstance(entry.node, Entries) or not entry.node.entries:
            self.problems.add(at, f"expected a mapping of names to pipelines, got {shown(entry.node)}")
            return {}
        found = {}
        for name, item in entry.node.entries.items():
            spot = at.key(name, item.place)
            if NAME.fullmatch(name) is None:
                self.problems.add(spot, f"{shortened(name)!r} cannot name a pipeline: {NAME_EXPECTED}")
            source = self._pipeline(item.node, spot)
            if source is not None:
                found[name] = source
        return found

    def _pipeline(self, node: Node, at: Spot) -> PipelineSource | None:
        if is_null(node):
            node = Entries({}, place=at.place)
        elif isinstance(node, Text):
            node = Entries({"config": Entry(node, node.place)}, place=node.place)
        if not isinstance(node, Entries):
            self.problems.add(at, f"expected the path of a rag.yaml, a mapping or nothing, got {shown(node)}")
            return None
        settings = self.decoder.settings(PipelineKeys, node, at, "a pipeline")
        if settings is None:
            return None
        config = self._config(settings.config, node.entries.get("set"), at)
        if config is None:
            return None
        return PipelineSource(
            config=config,
            retriever=settings.retriever,
            answers=settings.answers,
            depth=settings.depth,
            corpus=settings.corpus,
            tenant=settings.tenant,
            acl=None if settings.acl is None else tuple(settings.acl),
            filter=settings.filter,
            is_gated=settings.gate,
            where=where(self.file, at),
        )

    def _config(self, path: Path | None, changes: Entry | None, at: Spot) -> Config | None:
        """The configuration with what `set` says; its mistakes are told beside the suite's own."""
        overrides = written(changes.node) if changes else {}
        laid_over: Mapping[str, Any] = overrides if isinstance(overrides, dict) else {}
        try:
            if path is None:
                return default_config(set=laid_over, env=os.environ)
            return load_config(path, set=laid_over)
        except ConfigError as e:
            self.of_configs += [f"{where(self.file, at)}: {at.path}: {problem}" for problem in e.problems]
            return None


def where(file: str, at: Spot) -> str:
    """`suite.yaml:4`."""
    return f"{file}:{at.place.line}" if at.place.line else file
