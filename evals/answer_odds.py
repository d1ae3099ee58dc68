"""How sure is the extractive answer, and is it right to be? Fits `odds.json`, reports on other questions.

    python evals/answer_odds.py FOLDER_OF_DATASETS            measures what is shipped
    python evals/answer_odds.py FOLDER_OF_DATASETS --fit      fits it anew first, and writes the file

Questions of SQuAD 2.0 (English) and XQuAD (Russian) are asked over their whole collection (`in`), with the
paragraph that answers taken out of what was found (`near`), and with its whole article filtered out (`out`);
`trap` are SQuAD's own questions without an answer, made to look like the others, on which nothing is
fitted. Questions of ours about the documentation of FastAPI are asked in both languages, with and without
the page that answers, and others that it does not answer (`near` too: they are about such software).

Articles and pages, in alphabetical order of all, go to the fit and to the report in turn, so that none is in
both, in either language. Answerable questions weigh as much as `near` and `out` together, in a fit as
in a report.
"""

from __future__ import annotations

import argparse
import json
from importlib.resources import files
from pathlib import Path

from odds import articles, documentation
from odds.asked import Asked
from odds.fit import fitted
from odds.report import report

from ragkit.evaluation.dataset import load_dataset
from ragkit.evaluation.layouts.layout import laid_out
from ragkit.generate.odds import bundled

ARTICLES = {"embedded": "squad20-dev", "words": "xquad-dev/ru"}
LANGUAGES = {"embedded": "en", "words": "ru"}
PAGES = "fastapi-docs"


def main() -> None:
    """Fits where asked to, and prints how often the answer is right at each confidence."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=int, default=1000, help="about how many of SQuAD and of XQuAD")
    parser.add_argument("--fit", action="store_true", help="fit, and write ragkit/generate/odds.json")
    args = parser.parse_args()
    path = Path(str(files("ragkit.generate") / "odds.json"))
    asked = {kind: _asked(args.folder, kind, args.questions) for kind in ARTICLES}
    if args.fit:
        table: dict[str, object] = {"made by": "evals/answer_odds.py"}
        for kind, sets in asked.items():
            own = {name: [row for row in fit if row.mode != "trap"] for name, (fit, _) in sets.items()}
            counts = "; ".join(f"{name}, {len(rows)} questions" for name, rows in own.items())
            table[kind] = {"fitted on": counts, **fitted([row for rows in own.values() for row in rows])}
        path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        bundled.cache_clear()
    for kind, sets in asked.items():
        for name, halves in sets.items():
            for half, rows in zip(("fit", "report"), halves, strict=True):
                print(f"\n{name} {LANGUAGES[kind]}, {half}: {len(rows)} questions")
                report(rows, bundled(embedded=kind == "embedded"))


def _asked(folder: Path, kind: str, n: int) -> dict[str, tuple[list[Asked], list[Asked]]]:
    """Of each set, the questions to fit on and those to report."""
    data = laid_out(load_dataset(folder / ARTICLES[kind]), "squad")
    return {
        ARTICLES[kind]: _halves(
            list(articles.asked(data, n)), {articles.article(d.id) for d in data.corpus()}
        ),
        PAGES: _halves(list(documentation.asked(folder / PAGES, LANGUAGES[kind])), documentation.pages()),
    }


def _halves(rows: list[Asked], names: set[str]) -> tuple[list[Asked], list[Asked]]:
    order = sorted(names)
    fit, kept = set(order[::2]), set(order[1::2])
    return [row for row in rows if row.article in fit], [row for row in rows if row.article in kept]


if __name__ == "__main__":
    main()
