"""`ragkit retrieve`: the passages alone, with scores."""

from __future__ import annotations

import argparse

from ragkit.cli.options import add_index_options, add_json_option, add_reader_options, open_rag, parsed_filter
from ragkit.cli.options import print_json as emit


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = "List the passages that a question finds, best first."
    parser.epilog = "Example: ragkit retrieve 'return policy' -k 5 --retriever bm25 --json"
    parser.add_argument("question", help="the question, in quotes")
    parser.add_argument("-k", type=int, default=10, help="how many passages (10)")
    parser.add_argument(
        "--retriever",
        choices=["dense", "bm25", "hybrid", "full"],
        default="full",
        help="one arm alone, both fused, or all that the graph does up to the context (full)",
    )
    add_reader_options(parser)
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Retrieves, and prints the hits."""
    with open_rag(args) as rag:
        ranking = rag.retrieve(
            args.question,
            k=args.k,
            retriever=args.retriever,
            tenant=args.tenant,
            acl=args.acl,
            filter=parsed_filter(args),
        )
    if args.json:
        emit(
            {
                "hits": [
                    {
                        "chunk_id": hit.chunk.id,
                        "document_id": hit.chunk.document_id,
                        "uri": hit.chunk.uri,
                        "start": hit.chunk.span.start,
                        "end": hit.chunk.span.end,
                        "score": hit.score,
                        "text": hit.chunk.text,
                        "heading": hit.chunk.heading,
                        "page": hit.chunk.page,
                        "scores": dict(hit.scores),
                    }
                    for hit in ranking.hits
                ],
                "degraded": list(ranking.degraded),
            }
        )
        return 0
    from ragkit.cli.show import print_ranking

    print_ranking(ranking)
    return 0
