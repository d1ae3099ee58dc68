"""How many questions of a data set look hard to `llm/route` with `by: difficulty`.

    python evals/benchmarks/difficulty.py DATA/hotpotqa-200 DATA/squad11-dev

Each argument is a folder in BEIR layout. Questions that take several documents should look hard more often
than those that one sentence answers. Nothing was fitted on these sets, so there is no split.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

from ragkit.models.difficulty import difficulty_of
from ragkit.types import QueryPlan


def main() -> None:
    """Prints a row for each data set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, help="folders with a queries.jsonl")
    print(f"{'data set':<24} {'n':>6} {'hard':>6}  signs")
    for folder in parser.parse_args().folders:
        lines = (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()
        found = [difficulty_of(QueryPlan.of(json.loads(line)["text"])) for line in lines]
        signs = Counter(sign for difficulty in found for sign in difficulty.signs)
        told = " ".join(f"{sign} {count / len(found):.1%}" for sign, count in signs.most_common())
        hard = sum(difficulty.points > 0 for difficulty in found) / len(found)
        print(f"{f'{folder.parent.name}/{folder.name}'[-24:]:<24} {len(found):>6} {hard:>6.1%}  {told}")


if __name__ == "__main__":
    main()
