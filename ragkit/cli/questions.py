"""`ragkit questions`: an evaluation set from one's own documents."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.cli.line import Line
from ragkit.cli.options import add_index_options, add_json_option, config_from
from ragkit.cli.options import print_json as emit
from ragkit.errors import ConfigError, DocumentError, EvalError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ragkit.evaluation.questions.draft import Draft
    from ragkit.evaluation.questions.make import MadeQuestion, MadeSet
    from ragkit.types import Document

_SHOWN = 12


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Make questions of your own documents to measure retrieval and answers with: by rules, offline, in\n"
        "English and Russian, each with its document, the place that answers it and, where words state it,\n"
        "the answer. With --llm a language model writes questions too; what a passage does not bear out is\n"
        "left out."
    )
    parser.epilog = "Example: ragkit questions docs/ -o evals/docs -n 200 && ragkit eval my-suite.yaml"
    parser.add_argument("docs", metavar="DOCS", type=Path, help="a folder of documents")
    parser.add_argument(
        "-o", "--out", metavar="FOLDER", type=Path, required=True, help="where to write the set"
    )
    parser.add_argument("-n", type=int, default=200, metavar="N", help="how many questions (200)")
    parser.add_argument("--name", help="what to call the set (the name of FOLDER)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of every choice (0)")
    parser.add_argument("--kinds", metavar="KIND,...", help="only these kinds (all)")
    parser.add_argument(
        "--unanswerable",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="of questions whose document is left out of the set, so that abstaining is right (0.1)",
    )
    parser.add_argument("--llm", metavar="NAME", help="a chat model under models: of the config")
    parser.add_argument("--force", action="store_true", help="replace a set that is there")
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Makes the set, writes it, and shows what is in it."""
    from ragkit.evaluation.questions.kinds import KINDS
    from ragkit.evaluation.questions.make import LEAST_DOCUMENTS, Wanted, make_questions
    from ragkit.evaluation.questions.write import write_questions

    _check_folder(args.out, args.docs, force=args.force)
    kinds = tuple(kind.strip() for kind in args.kinds.split(",")) if args.kinds else tuple(KINDS)
    wanted = Wanted(args.n, seed=args.seed, unanswerable=args.unanswerable, kinds=kinds)
    line = Line(quiet=args.json)
    documents, unread = _parsed(args.docs, line)
    if unread and len(documents) < LEAST_DOCUMENTS:
        raise EvalError(_too_few(args.docs, documents, unread))
    written, told = _written(args, documents, line) if args.llm else ({}, "")
    done, total = 0, 2 * len(documents)

    def step() -> None:
        nonlocal done
        done += 1
        line(done, total, "documents read twice: for their words, for questions")

    made = make_questions(documents, wanted, written=written, step=step)
    line(1, 1, "")
    manifests = write_questions(
        made,
        {document.id: document for document in documents},
        args.out,
        source=args.docs,
        name=args.name or args.out.resolve().name,
        unread=tuple(unread),
        how=_how(args),
    )
    if args.json:
        emit(_as_json(made, manifests, unread))
    else:
        _print(made, manifests, unread, told, args)
    return 0


def _check_folder(out: Path, docs: Path, *, force: bool) -> None:
    """Refuses to replace anything but a set, and that only where it is asked for."""
    place, of_docs = out.resolve(), docs.resolve()
    is_within = place.is_relative_to(of_docs)
    if is_within and not any(part.startswith(".") for part in place.relative_to(of_docs).parts):
        raise ConfigError(
            f"-o {out}: is within {docs}, where the set would be one of the documents it asks about. Name a "
            "folder beside them"
        )
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not force:
        raise ConfigError(f"{out} is there already. Name another folder, or replace the set with --force")
    if not (out / "questions.jsonl").exists():
        raise ConfigError(f"{out}: is there already and holds no set to replace. Name another folder")


def _too_few(docs: Path, documents: Sequence[Document], unread: Mapping[str, str]) -> str:
    first, reason = next(iter(unread.items()))
    return (
        f"{docs}: {len(documents)} documents could be read, and {len(unread)} could not; the first, {first}: "
        f"{reason}"
    )


def _parsed(folder: Path, line: Line) -> tuple[list[Document], dict[str, str]]:
    """The documents of a folder, and why others could not be read."""
    from ragkit.ingest.load.discover import discover
    from ragkit.ingest.parse.formats import parse
    from ragkit.ingest.parse.sandbox.process import Sandbox

    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder. Expected one with documents")
    documents, unread = [], {}
    found = list(discover(folder))
    with Sandbox() as sandbox:
        for number, file in enumerate(found):
            line(number, len(found), file.id)
            try:
                documents.append(parse(file, sandbox=sandbox))
            except DocumentError as e:
                unread[file.id] = str(e)
    return documents, unread


def _written(
    args: argparse.Namespace, documents: Sequence[Document], line: Line
) -> tuple[Mapping[str, Sequence[Draft]], str]:
    from ragkit.assembly import Assembly
    from ragkit.evaluation.questions.by_llm import bill, write_drafts
    from ragkit.evaluation.questions.material import Material
    from ragkit.graph.sync import run_sync

    parts = Assembly(config_from(args), create=False)
    try:
        model = parts.chat_model(args.llm)
        written = run_sync(write_drafts(Material(documents), model, args.n, progress=line))
    finally:
        parts.close()
    return written.drafts, f"{args.llm}: {bill(written)}"


def _how(args: argparse.Namespace) -> str:
    more = f" --kinds {args.kinds}" if args.kinds else ""
    more += f" --llm {args.llm}" if args.llm else ""
    more += f" --unanswerable {args.unanswerable:g}" if args.unanswerable != 0.1 else ""
    return f"ragkit questions {args.docs.name} -n {args.n} --seed {args.seed}{more}"


def _as_json(made: MadeSet, manifests: dict[str, Path], unread: dict[str, str]) -> dict[str, object]:
    from ragkit.evaluation.questions.describe import counts

    return {
        "questions": len(made.questions),
        "kinds": {kind: {"dev": dev, "test": test} for kind, dev, test, _ in counts(made)},
        "languages": dict(made.languages),
        "held_out": list(made.held_out),
        "bm25_first": made.bm25_first,
        "manifests": {split: str(path) for split, path in manifests.items()},
        "unread": unread,
    }


def _print(
    made: MadeSet, manifests: dict[str, Path], unread: dict[str, str], told: str, args: argparse.Namespace
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ragkit.evaluation.questions.describe import counts, sample

    console = Console(highlight=False)
    table = Table("kind", "dev", "test", "what it is", box=None, pad_edge=False)
    for kind, dev, test, what in counts(made):
        table.add_row(kind, str(dev), str(test), what)
    console.print(table)
    console.print()
    for one in sample(made, _SHOWN):
        console.print(Text(_shown(one)), no_wrap=True, overflow="ellipsis")
    console.print()
    for place, reason in list(unread.items())[:5]:
        console.print(Text(f"left out: {place}: {reason}"))
    for text in (
        told,
        f"{len(made.questions)} questions of {sum(made.languages.values())} documents, not asked by people: "
        f"BM25 alone finds the right document first for {made.bm25_first:.0%}.",
        f"Fewer than {args.n}: no more of them would be good." if len(made.questions) < args.n else "",
        f"Read {args.out / 'questions.jsonl'} and delete what you would not ask.",
        f"Measure: a file suite.yaml with the line `data: [{next(iter(manifests.values()))}]`, then "
        "ragkit eval suite.yaml",
    ):
        if text:
            console.print(Text(text))


def _shown(one: MadeQuestion) -> str:
    draft = one.draft
    kind = draft.kind if one.is_answerable else "unanswerable"
    answer = f"  →  {draft.answers[0]}" if draft.answers and one.is_answerable else ""
    return f"{kind:<13}{draft.text}{answer}  [{draft.document_id}]"
