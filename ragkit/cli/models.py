"""`ragkit models`: list local models, train a reranker for a collection."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.cli.options import (
    add_index_options,
    add_json_option,
    add_reader_options,
    config_from,
    parsed_filter,
)
from ragkit.cli.options import print_json as emit
from ragkit.errors import ConfigError

if TYPE_CHECKING:
    from ragkit.train.options import TrainOptions

_TRAIN_EXAMPLE = "ragkit models train-reranker --index index/ --questions questions.jsonl --out reranker/"
_STOPPED = 130


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the actions and their options."""
    parser.description = "Local models: those that come with ragkit, and those of your own."
    parser.epilog = f"Example: {_TRAIN_EXAMPLE}\n         ragkit models list reranker/ --json"
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, summary, declare in (
        ("list", "what models there are, and whether their files are sound", _configure_list),
        ("train-reranker", "train a reranker for your collection, with its gain measured", _configure_train),
    ):
        action = actions.add_parser(
            name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )
        action.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        declare(action)


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    return _list(args) if args.action == "list" else _train(args)


def _configure_list(parser: argparse.ArgumentParser) -> None:
    parser.description = "List the models that come with ragkit and those in the folders given."
    parser.epilog = "Example: ragkit models list models/ --json"
    parser.add_argument(
        "folders", nargs="*", metavar="FOLDER", help="a model's folder, or a folder of such folders"
    )
    add_json_option(parser)


def _configure_train(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Train a reranker for your collection, from your questions or from questions generated from it.\n"
        "Its gain is measured on questions about documents that training never saw.\n"
        "Ctrl-C saves and ends; the same command goes on from there."
    )
    parser.epilog = f"Example: {_TRAIN_EXAMPLE}"
    parser.add_argument("--out", metavar="DIR", default="reranker", help="folder of the result (./reranker)")
    data = parser.add_argument_group("what it learns from")
    data.add_argument("--questions", metavar="FILE", help="questions with their documents; a BEIR folder too")
    data.add_argument("--qrels", metavar="FILE", help="table query-id, corpus-id, score, where it is needed")
    data.add_argument(
        "--generate",
        type=_number(0),
        metavar="N",
        help="questions to generate (2000 where fewer than 300 are given, else none)",
    )
    data.add_argument("--any-language", action="store_true", help="go on though the model lacks the language")
    how = parser.add_argument_group("how")
    how.add_argument("--from", dest="start", metavar="FOLDER", help="model to start from (the bundled one)")
    how.add_argument(
        "--learn",
        choices=["head", "all"],
        help="what is trained: a head on the bundled reranker, in minutes, or every layer (head)",
    )
    how.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="where (auto)")
    how.add_argument("--epochs", type=_number(1), help="how often each question is seen (6; every layer 3)")
    how.add_argument("--batch", type=_number(1), help="questions to a step (16; every layer 8)")
    how.add_argument(
        "--group-size", type=_number(2), metavar="N", help="passages to a question (16; every layer 4, GPU 8)"
    )
    how.add_argument(
        "--learning-rate",
        type=_rate,
        metavar="R",
        help="its peak (3e-4; every layer 2e-5, from an encoder 5e-5)",
    )
    how.add_argument("--time-limit", type=_duration, metavar="T", help="of the training: 90s, 30m, 2h")
    how.add_argument("--seed", type=_number(0, 2**32 - 1), default=0, help="of all that is drawn (0)")
    how.add_argument("--name", help="the model's name (that of the folder)")
    how.add_argument("--restart", action="store_true", help="from the beginning, not from where it was saved")
    how.add_argument("--overwrite", action="store_true", help="replace a model that is in --out")
    add_reader_options(parser)
    add_index_options(parser)
    add_json_option(parser)


def _list(args: argparse.Namespace) -> int:
    from ragkit.models.catalogue import listed

    entries = listed([Path(folder) for folder in args.folders])
    if args.json:
        emit({"models": [entry.as_json() for entry in entries]})
    else:
        from ragkit.cli.show import print_lines

        print_lines([entry.line() for entry in entries])
    return int(any(entry.problem for entry in entries))


def _train(args: argparse.Namespace) -> int:
    from ragkit.train.needs import check_installed

    check_installed()
    options = _options(args)
    from ragkit.cli.training import shown
    from ragkit.train.job import train_reranker

    with shown() as teller, _stoppable() as is_stopped:
        trained = train_reranker(options, teller=teller, is_stopped=is_stopped)
    account = trained.account
    if account is None:
        print(
            f"stopped; what was trained is kept in {trained.folder}. Run it again to go on", file=sys.stderr
        )
        return _STOPPED
    if args.json:
        emit({"folder": str(trained.folder), "seconds": trained.fitted.seconds, **account.as_plain()})
        return 0
    from ragkit.cli.show import print_lines

    lines = [f"{trained.folder}: {account.verdict()}", ""]
    for gain in account.gains:
        lines += [gain.title, *gain.comparison.text().splitlines(), ""]
    print_lines([*lines, *account.use(str(trained.folder)).splitlines()])
    return 0


def _options(args: argparse.Namespace) -> TrainOptions:
    from ragkit.train.options import TrainOptions
    from ragkit.train.passages import Reader

    for option in ("out", "questions", "qrels", "start"):
        if getattr(args, option) == "":
            raise ConfigError(f"--{'from' if option == 'start' else option} is empty. Is a variable unset?")
    return TrainOptions(
        config_from(args),
        Path(args.out),
        reader=Reader(args.tenant, None if args.acl is None else tuple(args.acl), parsed_filter(args) or {}),
        questions=_path(args.questions),
        qrels=_path(args.qrels),
        generate=args.generate,
        start=_path(args.start),
        learn=args.learn,
        device=args.device,
        epochs=args.epochs,
        batch=args.batch,
        group_size=args.group_size,
        learning_rate=args.learning_rate,
        time_limit_s=args.time_limit,
        seed=args.seed,
        name=args.name,
        restart=args.restart,
        overwrite=args.overwrite,
        any_language=args.any_language,
        command=shlex.join(["ragkit", *sys.argv[1:]]),
    )


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


@contextmanager
def _stoppable() -> Iterator[Callable[[], bool]]:
    """Within the block the first Ctrl-C or SIGTERM asks to stop; the second one ends it at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def ask(*_: Any) -> None:
        asked.set()
        restore()

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, ask)
    try:
        yield asked.is_set
    finally:
        restore()


def _number(least: int, most: int | None = None) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            bound = f"of at least {least}" if most is None else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number {bound}")
        return value

    return parse


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number between 0 and 1, such as 2e-5")
    return value


def _duration(text: str) -> float:
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a time such as 90s, 30m or 2h")
    return seconds
