"""`ragkit ask`: one answer with its citations."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ragkit.cli.options import (
    add_index_options,
    add_json_option,
    add_reader_options,
    open_rag,
    parsed_filter,
    print_json_line,
)
from ragkit.cli.options import print_json as emit

if TYPE_CHECKING:
    from ragkit.types import Answer, Citation, Usage


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = "Answer a question from the indexed documents, each sentence with its source."
    parser.epilog = 'Example: ragkit ask "How long is the warranty?" --index index/'
    parser.add_argument("question", help="the question, in quotes")
    parser.add_argument("--trace", action="store_true", help="show what each stage did and how long it took")
    add_reader_options(parser)
    add_index_options(parser)
    output = parser.add_mutually_exclusive_group()
    add_json_option(output)
    output.add_argument(
        "--stream", action="store_true", help="print one JSON object for each event, as it happens"
    )


def run(args: argparse.Namespace) -> int:
    """Asks, and prints the answer."""
    from ragkit.cli.lines import print_events
    from ragkit.cli.live import is_live, print_live
    from ragkit.cli.show import print_answer, print_trace

    asked: dict[str, Any] = {"tenant": args.tenant, "acl": args.acl, "filter": parsed_filter(args)}
    with open_rag(args) as rag:
        if args.stream:
            answer = print_events(rag.stream(args.question, **asked))
            if args.trace:
                print_json_line({"event": "trace", **rag.trace(answer.trace_id)})
            return 0
        if is_live() and not args.json:
            answer = print_live(rag.stream(args.question, **asked))
        else:
            answer = rag.ask(args.question, **asked)
        trace = rag.trace(answer.trace_id) if args.trace else None
    if args.json:
        emit(answer_json(answer) | ({"trace": trace} if trace is not None else {}))
        return 0
    if not is_live():
        print_answer(answer)
    if trace is not None:
        print_trace(trace)
    return 0


def answer_json(answer: Answer) -> dict[str, Any]:
    """The machine form of an answer; its keys are a contract."""
    return {
        "answer": answer.text,
        "abstained": answer.abstained,
        "reason": answer.reason,
        "sentences": [
            {"text": s.text, "citations": [citation_json(c) for c in s.citations]} for s in answer.sentences
        ],
        "citations": [citation_json(c) for c in answer.citations],
        "short": None if answer.short is None else citation_json(answer.short),
        "confidence": answer.confidence,
        "degraded": list(answer.degraded),
        "generator": answer.generator,
        "cached": answer.cached,
        "usage": usage_json(answer.usage),
        "trace_id": answer.trace_id,
    }


def usage_json(usage: Usage) -> dict[str, Any]:
    """The machine form of what something took."""
    return {
        "seconds": round(usage.seconds, 6),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "usd": usage.usd,
    }


def citation_json(citation: Citation) -> dict[str, Any]:
    """The machine form of a citation."""
    return {
        "marker": citation.marker,
        "document_id": citation.document_id,
        "uri": citation.uri,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "page": citation.page,
        "heading": citation.heading,
        "support": round(citation.support, 4),
    }
