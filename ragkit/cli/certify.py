"""`ragkit certify`: whether a live store behaves as every store must."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import TYPE_CHECKING

from ragkit.cli.options import add_index_options, add_json_option, config_from
from ragkit.cli.options import print_json as emit
from ragkit.errors import ConfigError

if TYPE_CHECKING:
    from ragkit.testing.certificate import Certificate

_CODES = {"certified": 0, "failed": 1, "not certified": 3}
_LISTED_CHARS = 2_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Run the conformance checks that a store's abilities claim, then random cases against an exact\n"
        "oracle, on the live server and in scratch places of their own, which are removed afterwards."
    )
    parser.epilog = (
        "Example: ragkit certify prod --config rag.yaml --cases 5000 --json\n"
        "Ends with 0 certified, 1 failed, 2 a mistake in the config, 3 ran but not certified (a stand-in,\n"
        "or nothing was compared)."
    )
    parser.add_argument("store", metavar="STORE", help="a name under stores:")
    parser.add_argument("--cases", type=int, default=200, metavar="N", help="random cases (default 200)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random cases (default 0)")
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Certifies, and prints the certificate."""
    if args.cases < 0:
        raise ConfigError(f"--cases {args.cases}: expected a whole number of at least 0")
    from ragkit.assembly import make, named
    from ragkit.cli.interrupt import TerminatedError, terminable
    from ragkit.cli.line import Line
    from ragkit.testing.certify import certify

    spec = named(config_from(args).stores, args.store, "stores")
    line = Line(quiet=args.json)
    try:
        with terminable():
            certificate = certify(make(spec), spec.use, cases=args.cases, seed=args.seed, progress=line)
    except KeyboardInterrupt as e:
        print("interrupted: no certificate; what was made for it is removed", file=sys.stderr)
        return 128 + (signal.SIGTERM if isinstance(e, TerminatedError) else signal.SIGINT)
    if args.json:
        emit({"name": args.store, **certificate.as_json()})
    else:
        _print(args.store, certificate)
    return _CODES[certificate.verdict]


def _print(name: str, certificate: Certificate) -> None:
    from ragkit.cli.show import print_facts, print_lines

    counts, engine = certificate.counts, certificate.engine
    facts = {
        "store": f"{name} ({certificate.store})",
        "engine": "it does not say" if engine is None else f"{engine.name} {engine.version}",
        "ragkit": certificate.ragkit,
        "date": certificate.date,
        "abilities": ", ".join(certificate.abilities) or "none",
        "dense search": "exact" if certificate.is_exact else "approximate",
        "filters pushed down": ", ".join(certificate.pushed_down) or "none",
        "filters evaluated client-side": ", ".join(certificate.client_side) or "none",
        "checks": ", ".join(f"{n} {outcome}" for outcome, n in counts.items()),
    }
    for agreement in certificate.agreements:
        found = "" if agreement.overlap is None else f", overlap {agreement.overlap:.4f}"
        told = agreement.skipped or f"{agreement.n_cases} cases{found}, seed {certificate.seed}"
        facts[f"congruence with the oracle, {agreement.shape}"] = told
    print_facts(certificate.verdict.upper(), facts)
    skipped = [c for c in certificate.checks if c.outcome == "skipped"]
    print_lines([f"  skipped: {c.group}{'.' if c.name else ''}{c.name}: {c.reason}" for c in skipped])
    print_lines([f"  failed: {failure[:_LISTED_CHARS]}" for failure in certificate.failures])
    print_lines([f"  not certified: {reason}" for reason in certificate.reservations])
