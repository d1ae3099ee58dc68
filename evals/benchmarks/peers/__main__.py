"""Retrieval of ragkit beside LlamaIndex, Haystack, LangChain and txtai.

    python -m evals.benchmarks.peers --data DIR [--peers haystack txtai] [--sets scifact cranfield]

Makes an environment for each library (once, kept in --environments), gives all of them the same passages,
the same vectors and the same number of candidates, runs each in a process of its own on one thread, one after
the other (--jobs), and prints the tables; report.md, report.json and the TREC runs go to --out. What is there
already, of the same texts, questions and packages, is not measured again, so sets may be run one after the
other. A worker ends when the command that started it does. Nothing but the installation needs a network.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evals.benchmarks.peers.environments import (
    OURS,
    PEERS,
    Environment,
    default_folder,
    environment,
)
from evals.benchmarks.peers.material import SETS, Set, load_set
from evals.benchmarks.peers.measure import WorkerFailedError, around_of, code_folder, run_set
from evals.benchmarks.peers.scoring import Line, corrected, lines_of
from evals.benchmarks.peers.table import as_json, main_table, promise_table, variant_table
from evals.benchmarks.peers.task import write_task
from ragkit.errors import RagkitError


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures what the arguments name; exits 1 if a library could not be installed or failed."""
    parser = argparse.ArgumentParser(
        prog="python -m evals.benchmarks.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the datasets")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--sets", nargs="+", default=list(SETS), help="manifests of evals/datasets")
    parser.add_argument("--questions", type=int, default=0, help="so many of each set; 0 for all")
    parser.add_argument("--no-variants", action="store_true", help="the documented ways alone")
    parser.add_argument("--kept-only", action="store_true", help="report what is in --out, measure nothing")
    parser.add_argument("--no-start", action="store_true", help="without start, order and size")
    parser.add_argument(
        "--jobs",
        type=int,
        choices=range(1, 65),
        metavar="N",
        default=1,
        help="libraries measured at once, those of other commands counted; above 1 times mean nothing",
    )
    parser.add_argument("--environments", type=Path, default=default_folder())
    parser.add_argument("--out", type=Path, default=Path("runs/peers"))
    given = parser.parse_args(arguments)
    environments = [environment(name, given.environments) for name in (OURS, *given.peers)]
    with code_folder() as code, tempfile.TemporaryDirectory() as work:
        bench = Bench(
            environments,
            code,
            Path(work),
            given.out,
            variants=not given.no_variants,
            kept_only=given.kept_only,
            jobs=given.jobs,
        )
        try:
            for name in given.sets:
                vectors = given.environments / "vectors"
                bench.measure(load_set(name, given.data, n_questions=given.questions, vectors=vectors))
        except RagkitError as e:
            parser.exit(2, f"{e}\n")
        if not given.no_start:
            bench.around()
    report = bench.markdown()
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "report.md").write_text(report, encoding="utf-8")
    (given.out / "report.json").write_text(json.dumps(bench.facts(), indent=1), encoding="utf-8")
    print(report)
    sys.exit(1 if bench.problems else 0)


class Bench:
    """Gathers what was found, set by set.

    Args:
        environments: ragkit's first.
        code: for PYTHONPATH, see `measure.code_folder`.
        work: for files that are not kept.
        out: where runs and reports go.
        variants: whether to measure other ways than the documented ones.
        kept_only: whether to take what is in `out` and measure nothing.
        jobs: how many libraries to measure at once.
    """

    def __init__(
        self,
        environments: Sequence[Environment],
        code: Path,
        work: Path,
        out: Path,
        *,
        variants: bool,
        kept_only: bool = False,
        jobs: int = 1,
    ) -> None:
        self.environments, self.code, self.work, self.out = environments, code, work, out.resolve()
        self.variants, self.kept_only, self.jobs = variants, kept_only, jobs
        self.lines: list[Line] = []
        self.problems = [
            f"{env.name}: not installed: {env.problem}" for env in environments if not env.python
        ]
        self.reports: dict[str, list[dict[str, Any]]] = {}
        self.sets: list[str] = []
        self.starts: dict[str, Any] = {}
        self.orders: dict[str, Any] = {}

    @property
    def installed(self) -> list[Environment]:
        """Those that can be run."""
        return [env for env in self.environments if env.python]

    def measure(self, found: Set) -> None:
        """Runs every library on a set; one that fails is noted and the others go on."""
        folder = self.work / found.data.name
        write_task(found.task, folder)
        reports = {}
        with ThreadPoolExecutor(self.jobs) as pool:
            done = list(pool.map(lambda env: self._ran(env, found.data.name, folder), self.installed))
        for env, report in zip(self.installed, done, strict=True):
            if isinstance(report, WorkerFailedError):
                self.problems.append(f"{found.data.name}: {report}")
                continue
            reports[env.name] = (self._out(found.data.name, env), report)
            self.reports.setdefault(env.name, []).append({"set": found.data.name, **report})
        if OURS in reports:
            self.lines.extend(lines_of(found.data, reports))
        self.sets.append(
            f"{found.data.name}: {len(found.task.passages):,} passages, "
            f"{len(found.task.questions):,} questions, checksum {found.data.checksum()[:12]}"
        )

    def _out(self, name: str, env: Environment) -> Path:
        return self.out / name / env.name

    def _ran(self, env: Environment, name: str, task: Path) -> dict[str, Any] | WorkerFailedError:
        try:
            report = run_set(
                env,
                task,
                self._out(name, env),
                self.code,
                variants=self.variants,
                kept_only=self.kept_only,
                jobs=self.jobs,
            )
        except WorkerFailedError as e:
            return e
        print(f"{name}: {env.name} done", file=sys.stderr, flush=True)
        return report

    def around(self) -> None:
        """Start and order of each library."""
        for env in self.installed:
            try:
                around = around_of(env, self.out / "around", self.work, self.code, kept_only=self.kept_only)
            except WorkerFailedError as e:
                self.problems.append(f"start or order: {e}")
                continue
            self.starts[env.name], self.orders[env.name] = around

    def markdown(self) -> str:
        """The report as a page."""
        lines = self._corrected()
        filters = {name: [report["filter"] for report in found] for name, found in self.reports.items()}
        differences = [
            report["vectors"]["largest_difference"] for found in self.reports.values() for report in found
        ]
        parts = ["## Documented ways", main_table(lines).markdown()]
        if self.variants:
            parts += ["## Variants", variant_table(lines).markdown()]
        parts += [
            "## Around",
            promise_table(self.installed, self.starts, self.orders, filters).markdown(),
            "## Measured on",
            "\n".join(f"- {line}" for line in (*self.sets, self._versions())),
            f"- Vectors: largest difference from ragkit's {max(differences, default=0.0):.1e}",
            "- Intervals and tests: BCa bootstrap and paired randomisation, questions with the same answer "
            "together, Holm over the table, seed 0",
        ]
        if self.problems:
            parts += ["## Problems", "\n".join(f"- {problem}" for problem in self.problems)]
        return "\n\n".join(parts) + "\n"

    def facts(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "lines": as_json(self._corrected()),
            "environments": [asdict(env) for env in self.environments],
            "starts": {name: asdict(start) for name, start in self.starts.items()},
            "orders": {name: asdict(order) for name, order in self.orders.items()},
            "reports": {name: [_short(report) for report in found] for name, found in self.reports.items()},
            "sets": self.sets,
            "problems": self.problems,
        }

    def _corrected(self) -> list[Line]:
        documented = [line for line in self.lines if line.is_documented]
        others = [line for line in self.lines if not line.is_documented]
        return [*corrected(documented), *corrected(others)]

    def _versions(self) -> str:
        found = {name: reports[0]["version"] for name, reports in self.reports.items()}
        return ", ".join(f"{name} {version}" for name, version in found.items())


def _short(report: dict[str, Any]) -> dict[str, Any]:
    """Without the time of each question: that is in the folder of its runs."""
    return {key: value for key, value in report.items() if key != "ways"}


if __name__ == "__main__":
    main()
