"""A search over a dataset, from its path to the files that are written."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ragkit.errors import ConfigError, EvalError
from ragkit.evaluation.dataset import Dataset, load_dataset
from ragkit.evaluation.manifest import load_manifest
from ragkit.evaluation.own_questions import load_questions
from ragkit.evaluation.reports.json import json_text
from ragkit.evaluation.run_folder import holds_something
from ragkit.evaluation.runner.code import code_version
from ragkit.evaluation.runner.journal import write_whole
from ragkit.evaluation.runner.lock import locked
from ragkit.evaluation.runner.progress import shown
from ragkit.evaluation.search.budget import parse_budget
from ragkit.evaluation.search.grid import Grid
from ragkit.evaluation.search.journal import NAME as JOURNAL
from ragkit.evaluation.search.live import SCRATCH, LiveEvaluator, documents_by_question
from ragkit.evaluation.search.objective import Objective
from ragkit.evaluation.search.page import search_page, search_svg
from ragkit.evaluation.search.rules import Rules
from ragkit.evaluation.search.search import Findings, search
from ragkit.evaluation.search.space import Space
from ragkit.evaluation.search.split import split
from ragkit.evaluation.search.written import best_yaml, search_json


def search_over_data(
    grid: Grid,
    space: Space,
    objectives: Sequence[Objective],
    data: Path,
    *,
    folder: Path,
    source: Path,
    budget: str = "25%",
    seed: int = 0,
    split_name: str = "test",
    documents: Path | None = None,
    own_index: bool = False,
    quiet: bool = False,
) -> Findings:
    """Searches a grid over a dataset, and writes what was found to a folder.

    Args:
        grid, space, objectives: what is searched, how, and for what.
        data: a manifest, a folder in BEIR layout, or a file of questions.
        folder: it gets journal.jsonl, search.json, best.yaml, report.html and front.svg; indexes and values
            of stages are kept beside it, in `.cache`.
        source: the `rag.yaml` that the grid was made of.
        budget, seed: see `Rules`.
        split_name: which judgements of a folder.
        documents: those that the questions are about, where `data` is a file of questions.
        own_index: whether the configuration's own index is asked.
        quiet: no bar.

    Raises:
        ConfigError: the budget is malformed or too small.
        EvalError: data or measures do not fit, or the folder is of another search or something else.
    """
    limit = parse_budget(budget)
    if not (folder / JOURNAL).exists() and holds_something(folder):
        raise EvalError(
            f"{folder}: is there already and is no search, so that nothing is written to it. Name another "
            "folder (--out)"
        )
    dataset = _opened(data, split_name, documents)
    folder.mkdir(parents=True, exist_ok=True)
    evaluator = LiveEvaluator(
        dataset,
        objectives,
        folder=folder,
        cache=folder.parent / ".cache",
        corpus="own" if own_index else "dataset",
    )
    parts = split(documents_by_question(dataset), held_out=space.held_out, seed=seed)
    rules = Rules(tuple(objectives), first=space.first, alpha=space.alpha, budget=limit, seed=seed)
    with locked(folder / ".lock", wait=False), shown(not quiet) as told:
        findings = search(
            grid, parts, rules, evaluator, folder=folder, facts=_facts(dataset, own_index), progress=told
        )
        # What a search that was killed has left in it goes too.
        shutil.rmtree(folder / SCRATCH, ignore_errors=True)
    _write(findings, folder, source, dataset.name)
    return findings


def _write(findings: Findings, folder: Path, source: Path, name: str) -> None:
    write_whole(folder / "search.json", json_text(search_json(findings)))
    write_whole(folder / "best.yaml", best_yaml(findings, source))
    write_whole(folder / "report.html", search_page(findings, f"Search over {source.name} on {name}"))
    write_whole(folder / "front.svg", search_svg(findings))


def _opened(data: Path, split_name: str, documents: Path | None) -> Dataset:
    if documents is not None:
        return load_questions(data, documents)
    if data.is_dir():
        return load_dataset(data, split=split_name)
    if data.suffix in (".yaml", ".yml"):
        return load_manifest(data)
    if not data.exists():
        raise EvalError(f"{data}: no such manifest or folder")
    raise ConfigError(
        f"--data {data}: expected a manifest (.yaml) or a folder in BEIR layout. "
        "The documents of a file of questions are named with --documents DIR"
    )


def _facts(dataset: Dataset, own_index: bool) -> dict[str, Any]:
    return {
        "dataset": {"name": dataset.name, "split": dataset.split, "checksum": dataset.checksum()},
        "own_index": own_index,
        "code": code_version(),
    }
