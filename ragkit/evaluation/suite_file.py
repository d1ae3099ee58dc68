"""A suite's YAML → `Suite`, or one `ConfigError` with every mistake, each with its line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ragkit.app import MAX_K, Retriever
from ragkit.config.decode import Decoder
from ragkit.config.defaults import default_config
from ragkit.config.load import load_config
from ragkit.config.problems import Place, Problems, Spot, listed, shortened
from ragkit.config.source import read
from ragkit.config.spec import Config
from ragkit.config.tree import Entries, Entry, Items, Node, Text, is_null, plain, shown, written
from ragkit.errors import ConfigError, EvalError, MissingExtraError
from ragkit.evaluation.judges import Judges
from ragkit.evaluation.rule import COUNTS, EXAMPLES, TIMES, Rule, parse_rule
from ragkit.evaluation.runner.pipeline import Corpus
from ragkit.evaluation.suite import (
    DEFAULT_METRICS,
    NAME,
    NAME_EXPECTED,
    DataSource,
    PipelineSource,
    Suite,
)
from ragkit.settings import Settings

_SUFFIXES = (".yaml", ".yml", ".json")


class _DataSettings(Settings):
    manifest: Path | None = None
    folder: Path | None = None
    name: str | None = Field(default=None, pattern=f"^{NAME.pattern}$")
    split: str | None = None
    sample: int | None = Field(default=None, ge=1)
    metrics: list[str] | None = Field(default=None, min_length=1)


class _PipelineSettings(Settings):
    config: Path | None = None
    overrides: dict[str, Any] = Field(default_factory=dict, alias="set")
    retriever: Retriever = "full"
    answers: bool | None = None
    depth: int = Field(default=100, ge=1, le=MAX_K)
    corpus: Corpus = "dataset"
    tenant: str | None = None
    acl: list[str] | None = None
    filter: dict[str, Any] | None = None
    gate: bool = True


class _SuiteSettings(Settings):
    name: str = Field(default="", pattern=rf"^({NAME.pattern})?$")
    data: Any = Field()
    pipelines: Any = None
    metrics: list[str] = Field(default=list(DEFAULT_METRICS), min_length=1)
    baseline: str | None = None
    fail_if: Any = None
    models: Any = None
    judges: dict[str, dict[str, Any]] = Field(default_factory=dict)
    ragas: dict[Literal["model", "embed"], str] = Field(default_factory=dict)
    seed: int = Field(default=0, ge=0, lt=2**32)
    concurrency: int | None = Field(default=None, ge=1, le=256)
    timing_n: int = Field(default=50, ge=0)
    max_error_rate: float = Field(default=0.05, ge=0.0, le=1.0)


def load_suite(path: str | Path) -> Suite:
    """Reads and checks a suite. Configurations of pipelines are read too; data is not touched.

    Relative paths in it start at its folder.

    Raises:
        ConfigError: it cannot be read, or has mistakes: all of them, by line, those of the pipelines'
            configurations included.

    >>> load_suite("no-such-suite.yaml")
    Traceback (most recent call last):
        ...
    ragkit.errors.ConfigError: no-such-suite.yaml: no such file. Expected a suite, for example evals/suites/quickstart.yaml
    """  # noqa: E501
    path = Path(path)
    problems = Problems(str(path))
    root = read(_text_of(path), problems, os.environ)
    reader = _Reader(problems, path)
    suite = None
    if isinstance(root, Entries):
        suite = reader.suite(root)
    elif not problems.found:
        problems.add(Spot("", Place(1)), "expected a mapping with the keys name, data, pipelines, metrics, …")
    if suite is None or problems.found or reader.of_configs:
        found = problems.error()
        raise ConfigError((*found.problems, *reader.of_configs), path=str(path), line=found.line)
    return suite


def with_pipelines(suite: Suite, configs: Sequence[str | Path]) -> Suite:
    """The suite with further pipelines, each named like its file; one of the same name is replaced.

    Raises:
        ConfigError: a configuration has mistakes, or two files have one name.
    """
    added: dict[str, PipelineSource] = {}
    for config in map(Path, configs):
        if NAME.fullmatch(config.stem) is None:
            raise ConfigError(f"{config}: its name becomes the pipeline's: {NAME_EXPECTED}")
        if config.stem in added:
            raise ConfigError(f"{config}: two pipelines would be called {config.stem!r}. Rename one file")
        added[config.stem] = PipelineSource(config=load_config(config), where=str(config))
    return replace(suite, pipelines={**suite.pipelines, **added})


class _Reader:
    def __init__(self, problems: Problems, path: Path) -> None:
        self.problems = problems
        self.path = path
        self.decoder = Decoder(problems, path.parent)
        self.of_configs: list[str] = []
        self.judges = Judges()

    def suite(self, root: Entries) -> Suite | None:
        top = Spot("", Place(None))
        settings = self.decoder.settings(_SuiteSettings, root, top, "a suite")
        self.judges = self._judges(root, settings)
        data = self._data(root.entries.get("data"))
        pipelines = self._pipelines(root.entries.get("pipelines"))
        metrics = [*_texts(root.entries.get("metrics"), DEFAULT_METRICS)]
        for source in data:
            metrics += [metric for metric in source.metrics or () if isinstance(metric, str)]
        self._check_metrics(root.entries.get("metrics"), Spot("metrics", Place(None)))
        baseline = self._baseline(root.entries.get("baseline"), pipelines)
        rules = self._rules(root.entries.get("fail_if"), metrics)
        if "baseline" not in root.entries:
            self._refuse_changes(rules, root.entries.get("fail_if"))
        if settings is None:
            return None
        return Suite(
            settings.name or self.path.stem,
            data=tuple(data),
            pipelines=pipelines,
            metrics=tuple(dict.fromkeys(settings.metrics)),
            baseline=baseline,
            rules=tuple(rules),
            judges=self.judges,
            seed=settings.seed,
            concurrency=settings.concurrency,
            timing_n=settings.timing_n,
            max_error_rate=settings.max_error_rate,
            path=self.path,
        )

    def _judges(self, root: Entries, settings: _SuiteSettings | None) -> Judges:
        """The judges, where their models are sound; what is wrong with a judge is told where it is named."""
        entry = root.entries.get("models")
        models = written(entry.node) if entry else None
        judges = Judges(
            models=models if isinstance(models, dict) else {},
            judges=settings.judges if settings else {},
            ragas={str(key): name for key, name in settings.ragas.items()} if settings else {},
            folder=self.path.parent,
        )
        try:
            judges.config()
        except ConfigError as e:
            line = entry.place.line if entry else 1
            self.of_configs += [f"{self.path}:{line}: {problem}" for problem in e.problems]
            return Judges()
        return judges

    def _data(self, entry: Entry | None) -> list[DataSource]:
        if entry is None:
            return []
        at = Spot("data", entry.place)
        nodes = entry.node.nodes if isinstance(entry.node, Items) else ()
        if not nodes:
            self.problems.add(at, f"expected a list of manifests and folders, got {shown(entry.node)}")
        found = [self._source(node, at.item(i, node.place)) for i, node in enumerate(nodes)]
        return [source for source in found if source is not None]

    def _source(self, node: Node, at: Spot) -> DataSource | None:
        if isinstance(node, Text) and not is_null(node):
            key = "manifest" if Path(node.value).suffix in (".yaml", ".yml") else "folder"
            node = Entries({key: Entry(node, node.place)}, place=node.place)
        if not isinstance(node, Entries):
            self.problems.add(at, f"expected a path, or a mapping with manifest or folder, got {shown(node)}")
            return None
        settings = self.decoder.settings(_DataSettings, node, at, "a dataset")
        self._check_metrics(node.entries.get("metrics"), at.key("metrics"))
        if settings is None:
            return None
        if (settings.manifest is None) == (settings.folder is None):
            self.problems.add(at, "expected either manifest or folder")
            return None
        return DataSource(
            settings.manifest or settings.folder or Path(),
            name=settings.name,
            split=settings.split,
            sample=settings.sample,
            metrics=None if settings.metrics is None else tuple(dict.fromkeys(settings.metrics)),
            where=self._where(at),
        )

    def _pipelines(self, entry: Entry | None) -> dict[str, PipelineSource]:
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
        settings = self.decoder.settings(_PipelineSettings, node, at, "a pipeline")
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
            where=self._where(at),
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
            self.of_configs += [f"{self._where(at)}: {at.path}: {problem}" for problem in e.problems]
            return None

    def _check_metrics(self, entry: Entry | None, at: Spot) -> None:
        """Notes the names that are no measure, each at its line."""
        nodes = entry.node.nodes if entry and isinstance(entry.node, Items) else ()
        for i, node in enumerate(nodes):
            if isinstance(node, Text) and not is_null(node):
                try:
                    self.judges.metrics([node.value])
                except (ConfigError, EvalError, MissingExtraError) as e:
                    self.problems.add(at.item(i, node.place), str(e))

    def _refuse_changes(self, rules: Sequence[Rule], entry: Entry | None) -> None:
        lines = entry.node.entries if entry and isinstance(entry.node, Entries) else {}
        for rule in rules:
            if rule.compares:
                self.problems.add(
                    Spot("fail_if", entry.place if entry else Place(None)).key(
                        rule.metric, lines[rule.metric].place
                    ),
                    f"{rule.written!r} needs a baseline: name a pipeline or a file, such as "
                    f"baseline: ../baselines/{self.path.stem}.json",
                )

    def _rules(self, entry: Entry | None, metrics: Sequence[str]) -> list[Rule]:
        if entry is None or is_null(entry.node):
            return []
        at = Spot("fail_if", entry.place)
        if not isinstance(entry.node, Entries):
            self.problems.add(at, f"expected a mapping of measures to rules, got {shown(entry.node)}")
            return []
        known = [*dict.fromkeys(metrics), *COUNTS, *TIMES]
        rules: list[Rule] = []
        for metric, item in entry.node.entries.items():
            spot = at.key(metric, item.place)
            if metric not in known:
                hint = self.problems.nearest(metric, known)
                self.problems.add(spot, f"is not measured. Measured are: {listed(known)}.{hint}")
                continue
            nodes = item.node.nodes if isinstance(item.node, Items) else (item.node,)
            for node in nodes:
                rules += self._rule(metric, node, spot)
        return rules

    def _rule(self, metric: str, node: Node, at: Spot) -> list[Rule]:
        if not isinstance(node, Text) or is_null(node):
            self.problems.add(at, f"expected a rule such as {EXAMPLES}, got {shown(node)}")
            return []
        try:
            return [parse_rule(metric, node.value)]
        except EvalError as e:
            self.problems.add(Spot(at.path, node.place), str(e))
            return []

    def _baseline(self, entry: Entry | None, pipelines: Mapping[str, PipelineSource]) -> str | Path | None:
        if entry is None or not isinstance(entry.node, Text) or is_null(entry.node):
            return None
        written_as = entry.node.value
        if written_as in pipelines:
            return written_as
        if "/" in written_as or Path(written_as).suffix in _SUFFIXES:
            return self.path.parent / written_as
        hint = self.problems.nearest(written_as, pipelines)
        self.problems.add(
            Spot("baseline", entry.place),
            f"{shortened(written_as)!r} is neither a pipeline of this suite ({listed(pipelines)}) nor the "
            f"path of a baseline (name.json).{hint}",
        )
        return None

    def _where(self, at: Spot) -> str:
        return f"{self.path}:{at.place.line}" if at.place.line else str(self.path)


def _texts(entry: Entry | None, default: Sequence[str]) -> list[str]:
    if entry is None:
        return list(default)
    given = plain(entry.node)
    return [item for item in given if isinstance(item, str)] if isinstance(given, list) else []


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        reason = "no such file. Expected a suite, for example evals/suites/quickstart.yaml"
    except IsADirectoryError:
        reason = "is a folder; expected a suite's file"
    except UnicodeDecodeError as e:
        reason = f"not UTF-8 text at byte {e.start}. Save it as UTF-8"
    except (OSError, ValueError) as e:
        reason = f"cannot be read: {getattr(e, 'strerror', None) or e}"
    raise ConfigError(f"{shortened(str(path), 300)}: {reason}", path=str(path))
