"""A suite's YAML → `Suite`, or one `ConfigError` with every mistake, each with its line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ragkit.config.decode import Decoder
from ragkit.config.load import load_config
from ragkit.config.problems import Place, Problems, Spot, shortened
from ragkit.config.source import read
from ragkit.config.tree import Entries, Entry, Items, Node, Text, is_null, plain, shown, written
from ragkit.errors import ConfigError, EvalError, MissingExtraError
from ragkit.evaluation.judges import JUDGE, RAGAS, Judges
from ragkit.evaluation.suite import (
    DEFAULT_METRICS,
    NAME,
    NAME_EXPECTED,
    DataSource,
    PipelineSource,
    Suite,
)
from ragkit.evaluation.suite_keys import DataKeys, SuiteKeys
from ragkit.evaluation.suite_pipelines import PipelineReader, where
from ragkit.evaluation.suite_rules import read_baseline_key, read_rules, refuse_changes


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
        _refuse_other_files(root, str(path))
        suite = reader.suite(root)
    elif not problems.found:
        problems.add(Spot("", Place(1)), "expected a mapping with the keys name, data, pipelines, metrics, …")
    if suite is None or problems.found or reader.pipelines.of_configs:
        found = problems.error()
        raise ConfigError((*found.problems, *reader.pipelines.of_configs), path=str(path), line=found.line)
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
        self.pipelines = PipelineReader(problems, self.decoder, file=str(path))
        self.judges = Judges()
        self.judges_are_known = True

    def suite(self, root: Entries) -> Suite | None:
        top = Spot("", Place(None))
        settings = self.decoder.settings(SuiteKeys, root, top, "a suite")
        self.judges = self._judges(root, settings)
        data = self._data(root.entries.get("data"))
        pipelines = self.pipelines.read(root.entries.get("pipelines"))
        metrics = [*_texts(root.entries.get("metrics"), DEFAULT_METRICS)]
        for source in data:
            metrics += [metric for metric in source.metrics or () if isinstance(metric, str)]
        self._check_metrics(root.entries.get("metrics"), Spot("metrics", Place(None)))
        baseline = read_baseline_key(root.entries.get("baseline"), pipelines, self.problems, self.path.parent)
        rules = read_rules(root.entries.get("fail_if"), metrics, self.problems)
        if "baseline" not in root.entries:
            refuse_changes(rules, root.entries.get("fail_if"), self.problems, self.path.stem)
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

    def _judges(self, root: Entries, settings: SuiteKeys | None) -> Judges:
        """The judges, where their models are sound; what is wrong with a judge is told where it is named."""
        entry = root.entries.get("models")
        if any(problem.spot.path.partition(".")[0] == "models" for problem in self.problems.found):
            self.judges_are_known = False
            return Judges()
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
            self.pipelines.of_configs += [f"{self.path}:{line}: {problem}" for problem in e.problems]
            self.judges_are_known = False
            return Judges()
        return judges

    def _data(self, entry: Entry | None) -> list[DataSource]:
        if entry is None:
            self.problems.add(
                Spot("data", Place(None)), "required and missing: expected a list of manifests and folders"
            )
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
        settings = self.decoder.settings(DataKeys, node, at, "a dataset")
        self._check_metrics(node.entries.get("metrics"), at.key("metrics"))
        if settings is None:
            return None
        if (settings.manifest is None) == (settings.folder is None):
            self.problems.add(at, "expected either manifest or folder")
            return None
        return DataSource(
            Path(os.path.normpath(settings.manifest or settings.folder or Path())),
            name=settings.name,
            split=settings.split,
            sample=settings.sample,
            metrics=None if settings.metrics is None else tuple(dict.fromkeys(settings.metrics)),
            where=where(str(self.path), at),
        )

    def _check_metrics(self, entry: Entry | None, at: Spot) -> None:
        """Notes the names that are no measure, each at its line."""
        nodes = entry.node.nodes if entry and isinstance(entry.node, Items) else ()
        for i, node in enumerate(nodes):
            if isinstance(node, Text) and not is_null(node):
                if node.value.startswith((JUDGE, RAGAS)) and not self.judges_are_known:
                    continue  # why it is not known has been told
                try:
                    self.judges.metrics([node.value])
                except (ConfigError, EvalError, MissingExtraError) as e:
                    self.problems.add(at.item(i, node.place), str(e))


def _refuse_other_files(root: Entries, path: str) -> None:
    """Tells what to do with a manifest or a `rag.yaml` that was taken for a suite.

    Raises:
        ConfigError: it is one.
    """
    if "data" in root.entries:
        return
    if "ragkit" in root.entries:
        what = f"this configures a pipeline. Measure it with a suite: ragkit eval SUITE --pipeline {path}"
    elif {"licence", "source"} & set(root.entries):
        what = f"this is the manifest of a dataset. Name it in a suite, a file with the line `data: [{path}]`"
    else:
        return
    raise ConfigError(f"{path}: {what}", path=path)


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
