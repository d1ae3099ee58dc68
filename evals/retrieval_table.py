"""What each part of retrieval finds and how long it takes, on all public sets, with tests over the sets.

    python evals/retrieval_table.py FOLDER_OF_DATASETS [--questions 300] [--only scifact] [--without default]

Runs the pipelines of evals/suites/retrieval.yaml: BM25 (`words`), the embedder (`vectors`), reciprocal ranks
(`rrf`), the weighted sum that leaves out the embedder where it does not know the language (`blind`), the
default's sum (`fused`), and the whole default, which reranks. Printed are, for each measure, a row per set
with the mean of each; then for the pairs of --against the difference with its 95 % interval and its p by Holm
over the sets; then the median and the 95th percentile of each stage's milliseconds. Questions of one document
are resampled together.

Of sets whose other part was fitted on, only what was held back is asked: of SQuAD and XQuAD nine articles, of
TAT-QA and of the Russian questions on English documentation one half. What is computed is kept in the folder
of the run: the same command goes on after a kill.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ragkit.evaluation.clusters import clusters
from ragkit.evaluation.corpus import LineCorpus
from ragkit.evaluation.dataset import Dataset
from ragkit.evaluation.prepare import prepared
from ragkit.evaluation.prepared_data import PreparedData
from ragkit.evaluation.report import Result
from ragkit.evaluation.significance import holm
from ragkit.evaluation.stats import Difference, paired, probability
from ragkit.evaluation.suite_file import load_suite
from ragkit.evaluation.suite_runs import SuiteRuns
from ragkit.evaluation.table import Table

SUITE = Path(__file__).parent / "suites" / "retrieval.yaml"
HELD_BACK_ARTICLES = 9
AGAINST = ("fused:rrf", "fused:blind", "fused:words", "default:fused")
NOTHING = "–"
Results = Mapping[str, Mapping[str, Result]]


def held_back(data: Dataset, squad: Path) -> set[str]:
    """The ids of the questions that nothing was fitted on."""
    if data.name.startswith(("squad", "xquad")):
        titles = {row.id.rpartition("-")[0]: row.title for row in LineCorpus(squad / "corpus.jsonl").rows()}
        ordered = sorted(set(titles.values()), key=lambda title: hashlib.sha256(title.encode()).hexdigest())
        kept = set(ordered[:HELD_BACK_ARTICLES])
        articles = {article for article, title in titles.items() if title in kept}
        return {id_ for id_, judged in data.qrels.items() if _article(next(iter(judged))) in articles}
    if data.name == "tatqa-dev":
        return {id_ for id_, question in data.judged.items() if _is_odd(str(question.metadata["report"]))}
    return {id_ for id_ in data.judged if data.name != "fastapi-docs-ru-en" or _is_odd(id_)}


def _article(document_id: str) -> str:
    return document_id.rpartition("-")[0]


def _is_odd(text: str) -> bool:
    return int(hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(), 16) % 2 == 1


def asked(one: PreparedData, squad: Path, n: int) -> tuple[str, ...]:
    """At most `n` of the questions held back, evenly spread."""
    kept = held_back(one.data, squad)
    ids = [id_ for id_ in one.questions if id_ in kept]
    return tuple(ids if len(ids) <= n else (ids[i * len(ids) // n] for i in range(n)))


def measured(args: argparse.Namespace) -> dict[str, dict[str, Result]]:
    """Each pipeline on each set."""
    suite = load_suite(SUITE)
    known = [source.path.stem for source in suite.data]
    if unknown := sorted(set(args.only or ()) - set(known)):
        raise SystemExit(f"--only: no set named {', '.join(unknown)}. Sets: {', '.join(known)}")
    chosen = [source for source in suite.data if not args.only or source.path.stem in args.only]
    suite = replace(suite, data=tuple(chosen))
    runs = SuiteRuns(suite, folder=args.out, resume=True)
    found: dict[str, dict[str, Result]] = {}
    for one in prepared(suite, data=args.folder).data:
        part = replace(one, questions=asked(one, args.folder / "squad11-dev", args.questions))
        texts = part.data.texts()
        found[part.data.name] = {
            pipeline.name: within(runs.result(part, pipeline, texts), pipeline.k)
            for pipeline in part.pipelines
            if not args.without or pipeline.name not in args.without
        }
        rows = list(figures({part.data.name: found[part.data.name]}, "nDCG@10"))
        print(f"{part.data.name}: checksum {part.checksum[:12]}, {' '.join(rows[0][1:])}", flush=True)
    return found


def within(result: Result, depth: int) -> Result:
    """The result without the measures that look deeper than its pipeline ranks."""

    def is_within(metric: str) -> bool:
        cutoff = metric.rpartition("@")[2]
        return not cutoff.isdigit() or int(cutoff) <= depth

    return replace(
        result,
        figures={metric: figure for metric, figure in result.figures.items() if is_within(metric)},
        values={metric: values for metric, values in result.values.items() if is_within(metric)},
    )


def figures(results: Results, metric: str) -> Iterator[tuple[str, ...]]:
    """A row for each set: its questions, then the mean of each pipeline."""
    for name, by_pipeline in results.items():
        n = max(result.n_of(metric) for result in by_pipeline.values())
        if n:
            means = [result.figures.get(metric) for result in by_pipeline.values()]
            cells = [NOTHING if figure is None else f"{figure.mean:.3f}" for figure in means]
            yield (name, f"{n:,}", *cells)


def difference(before: Result, after: Result, metric: str) -> Difference | None:
    """What the second has over the first, in the questions that both have a value for."""
    one, other = before.values.get(metric, {}), after.values.get(metric, {})
    ids = [id_ for id_ in one if id_ in other]
    if not ids:
        return None
    together = list(clusters(before.qrels, ids).values())
    return paired([one[id_] for id_ in ids], [other[id_] for id_ in ids], clusters=together)


def contrasts(results: Results, pair: str, metric: str) -> Table | None:
    """A row for each set, its p after Holm over the sets, and the mean of the sets; None where nothing is
    measured in both."""
    after, _, before = pair.partition(":")
    found = {
        name: change
        for name, by_pipeline in results.items()
        if after in by_pipeline and before in by_pipeline
        if (change := difference(by_pipeline[before], by_pipeline[after], metric)) is not None
    }
    if not found:
        return None
    corrected = holm([change.p for change in found.values()])
    rows = [
        (
            name,
            f"{change.mean:+.3f}",
            NOTHING if change.low is None else f"[{change.low:+.3f}, {change.high:+.3f}]",
            f"{change.wins}:{change.losses}",
            probability(change.p),
            probability(p),
        )
        for (name, change), p in zip(found.items(), corrected, strict=True)
    ]
    mean = float(np.mean([change.mean for change in found.values()]))
    rows.append(("mean of the sets", f"{mean:+.3f}", "", "", "", ""))
    return Table((f"{metric}, {after} − {before}", "mean", "95 %", "won:lost", "p", "p (Holm)"), tuple(rows))


def latencies(by_pipeline: Mapping[str, Result]) -> Iterator[tuple[str, ...]]:
    """Median and 95th percentile of each stage of the longest pipeline that was timed, in milliseconds."""
    result = list(by_pipeline.values())[-1]
    timings = list(result.timings.values())
    columns = {node: [t.nodes[node] for t in timings if node in t.nodes] for node, _ in result.graph}
    for node, seconds in {**columns, "in all": [t.seconds for t in timings]}.items():
        if seconds:
            low, high = np.percentile(seconds, (50, 95)) * 1e3
            yield node, f"{low:.1f}", f"{high:.1f}"


def printed(results: Results, against: Sequence[str]) -> None:
    """The tables."""
    pipelines = list(next(iter(results.values())))
    for metric in ("nDCG@10", "R@100", "all_evidence_R@10"):
        rows = tuple(figures(results, metric))
        if rows:
            print(f"\n{metric}\n{Table(('set', 'n', *pipelines), rows).text()}")
    for pair in against:
        if all(name in pipelines for name in pair.split(":")):
            for metric in ("nDCG@10", "R@100"):
                if table := contrasts(results, pair, metric):
                    print(f"\n{table.text()}")
    print("\nmilliseconds of each stage, asked alone")
    rows = tuple((name, *row) for name, one in results.items() for row in latencies(one))
    print(Table(("set", "stage", "p50", "p95"), rows).text())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=int, default=300, help="at most so many of each set")
    parser.add_argument("--only", nargs="*", help="manifests by name; all when left out")
    parser.add_argument("--without", nargs="*", help="pipelines to leave out, such as default")
    parser.add_argument("--against", nargs="*", default=AGAINST, help="pairs of pipelines, AFTER:BEFORE")
    parser.add_argument("--out", type=Path, default=Path("runs/retrieval"))
    args = parser.parse_args()
    printed(measured(args), args.against)


if __name__ == "__main__":
    main()
