"""A real language model through the whole path: server, `llm/openai`, `generate/cited`, `verify/citations`.

    python evals/tiny_llm/tiny_model.py tiny && python evals/tiny_llm/tiny_rag.py tiny

The model is far too small to answer; what counts is that nothing false is shown of what it writes, that a
stream folds to the same answer, and that tokens are counted exactly: by the server, and before the call by
`tokenizer.json`.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections import Counter
from pathlib import Path

from tiny_model import ROOT, config
from tiny_server import server_of

import ragkit
from ragkit.errors import StageError
from ragkit.events import Done, Token, fold
from ragkit.models.token_count import counter
from ragkit.types import Answer

ASKED = (
    "Which plan offers SAML single sign-on?",
    "How long are backups kept?",
    "How do I reset a scanner?",
    "Which port does the server listen on?",
    "How is an order cancelled?",
    "Who approves a stock count?",
    "What does an engineer's visit cost?",
    "How do I export the stock?",
    "Сколько стоит выезд инженера?",
    "Как долго хранится запись сеанса?",
    "Кто утверждает пересчёт?",
    "Как подключить кассу?",
    "Где настраивается маркировка?",
    "Когда работает линия поддержки?",
)


def main() -> None:
    """Asks every question, whole and streamed, and prints what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the model, as tiny_model.py writes it")
    folder = parser.parse_args().folder.absolute()
    server = server_of(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    served = f'  served: {{use: llm/openai, base_url: "{url}", model: tiny, timeout_s: 300, stall_s: 120}}'
    exact = f"llm: served, tokenizer: {folder / 'tokenizer.json'}"
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "rag.yaml"
        path.write_text(config(Path(made) / "index", exact, served), encoding="utf-8")
        with ragkit.load(path) as rag:
            rag.ingest(ROOT / "examples" / "corpus", progress=False)
            _report(rag, folder)
    server.shutdown()


def _report(rag: ragkit.RAG, folder: Path) -> None:
    found: Counter[str] = Counter()
    count = counter(folder / "tokenizer.json")
    for question in ASKED:
        try:
            answer = rag.ask(question)
        except StageError as error:
            found[f"errors: {type(error.__cause__).__name__}"] += 1
            continue
        events = list(rag.stream(question))
        streamed = fold(events)
        said = sum(isinstance(event, Token) for event in events)
        found["questions answered by the path"] += 1
        found["streams that fold to the same answer"] += _same(answer, streamed)
        found["streams whose last event is Done"] += isinstance(events[-1], Done)
        found["tokens told while streaming"] += said
        found["sentences shown"] += len(answer.sentences)
        found["sentences dropped"] += len(answer.dropped)
        found["abstentions"] += answer.abstained
        found["citations"] += len(answer.citations)
        found["citations whose quote is not the source"] += sum(
            c.quote != rag.source(c.document_id)[c.start : c.end] for c in answer.citations
        )
        found["sentences shown without a citation"] += sum(not s.citations for s in answer.sentences)
        found["usage told"] += answer.usage.input_tokens is not None
        messages = rag.prompt(question)
        texts = sum(count(message.text) for message in messages)
        # Two marks for each message, and one where the answer begins.
        exact = texts + 2 * len(messages) + 1
        found["prompts counted exactly beforehand"] += exact == answer.usage.input_tokens
    for name, number in found.items():
        print(f"{name:<42} {number:>6}")


def _same(one: Answer, other: Answer) -> bool:
    return (one.text, one.sentences, one.abstained) == (other.text, other.sentences, other.abstained)


if __name__ == "__main__":
    main()
