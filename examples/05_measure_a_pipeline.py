"""Measures the default pipeline and BM25 alone on the example handbook, with intervals and a paired test.

    python examples/05_measure_a_pipeline.py

The same from the command line, with a report as one HTML page: ragkit eval evals/suites/quickstart.yaml
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import ragkit
from ragkit.evaluation.suite_file import load_suite

SUITE = Path(__file__).parents[1] / "evals" / "suites" / "quickstart.yaml"


def main() -> None:
    """Takes a sample of the questions, so that it is done in seconds."""
    suite = load_suite(SUITE)
    data = tuple(replace(source, sample=24) for source in suite.data)
    suite = replace(suite, data=data, baseline="words", rules=(), timing_n=0)
    with tempfile.TemporaryDirectory() as runs:
        report = ragkit.evaluate(suite, out=Path(runs) / "handbook")
    print(report.table().text())
    print()
    print(report.comparisons["handbook"].difference_table().text())
    lost = report.results[0].blame
    print(f"\n{len(lost)} questions lost, the first in the stage {next(iter(lost.values()))!r}")


if __name__ == "__main__":
    main()
