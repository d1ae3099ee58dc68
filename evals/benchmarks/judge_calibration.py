"""How far a judge of `judge.grounded` agrees with people, and what its rate is worth, corrected or not.

    python evals/benchmarks/judge_calibration.py pairs.jsonl --base-url "$LLM_URL" --model qwen3-32b
    python evals/benchmarks/judge_calibration.py pairs.jsonl --rule

The pairs are those of BEGIN (https://github.com/google/BEGIN-dataset, CC BY 4.0) as JSONL: `id`, `knowledge`,
`message`, `response`, `label`. With `--rule` the judge is no language model but a rule about shared words
behind an endpoint on this machine: it shows that the way works, and what a simple rule is worth. A tenth of
the labels and the judge's verdicts give the corrected rate; the truth is all labels. Replies are kept in
`--cache`, so that a second run asks nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ragkit.evaluation import judge
from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.wording import words
from ragkit.evaluation.outcome import Found, Outcome, Place, Reply
from ragkit.evaluation.question import Question
from ragkit.evaluation.texts import HeldTexts
from ragkit.graph.sync import run_sync
from ragkit.types import Span
from ragkit_connectors.openai import OpenAIChat

PEOPLE = {"Fully attributable": "yes", "Not fully attributable": "no"}
SHARE, LABELLED, SEED = 0.8, 100, 0


class Rule(BaseHTTPRequestHandler):
    """Says yes where most words of the answer are in the passages."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = asked["messages"][1]["content"]
        answer, passages = (set(words(_between(text, place))) for place in ("answer", "passages"))
        share = len(answer & passages) / max(1, len(answer))
        verdict = "yes" if share >= SHARE else "partly" if share >= SHARE / 2 else "no"
        content = json.dumps({"reason": f"{share:.2f} of its words", "verdict": verdict})
        choice = {"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        body = json.dumps({"model": "rule", "choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _between(text: str, place: str) -> str:
    found = re.search(rf"(<<\w+>>) {place}\n(.*?)\n\1 end", text, re.DOTALL)
    return found[2] if found else ""


@contextmanager
def rule_server() -> Iterator[str]:
    """The address of an endpoint that the rule answers at."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Rule)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def case_of(row: dict[str, Any]) -> Case:
    """A row as a pipeline's outcome: one passage read, one answer given."""
    place = Place(row["id"], row["id"], spans=(Span(0, len(row["knowledge"])),))
    found = Found("passages", "compress/extractive", kind="context", places=(place,))
    outcome = Outcome(row["id"], found=(found,), reply=Reply(row["response"]))
    texts = HeldTexts({row["id"]: row["knowledge"]})
    return Case(Question(row["id"], row["message"]), judged={}, outcome=outcome, texts=texts)


def measure(rows: list[dict[str, Any]], model: OpenAIChat, cache: Path) -> None:
    """Judges all pairs and prints the agreement and the rates."""
    people = {row["id"]: PEOPLE[row["label"]] for row in rows}
    started = time.monotonic()
    with judge.ReplyCache(cache) as replies:
        grounded = judge.Judge(model, rubric="grounded", language="en")
        verdicts = run_sync(judge.judge_cases([case_of(row) for row in rows], grounded, replies))
    bill = judge.Bill.of(verdicts.values())
    print(f"{bill} in {time.monotonic() - started:.1f} s")
    said = {id_: "yes" if v.label == "yes" else "no" for id_, v in verdicts.items() if v.label}
    print(judge.calibrate(said, people, labels=("yes", "no"), seed=SEED).text())
    ids = sorted(said)
    random.Random(SEED).shuffle(ids)
    some, many = ids[:LABELLED], ids[LABELLED:]
    figure = judge.prediction_powered(
        [said[id_] == "yes" for id_ in many],
        judged_labelled=[said[id_] == "yes" for id_ in some],
        people=[people[id_] == "yes" for id_ in some],
        failed=bill.failed,
    )
    truth = sum(people[id_] == "yes" for id_ in ids) / len(ids)
    judged = sum(said[id_] == "yes" for id_ in ids) / len(ids)
    print(f"rate: people {truth:.3f}, judge {judged:.3f}, corrected by {LABELLED} labels {figure}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--base-url")
    parser.add_argument("--model", default="rule")
    parser.add_argument("--rule", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path(".cache/judge.sqlite"))
    args = parser.parse_args()
    rows = [json.loads(line) for line in args.pairs.read_text(encoding="utf-8").splitlines()]
    if args.rule:
        with rule_server() as url:
            measure(rows, OpenAIChat(base_url=url, model="rule"), args.cache)
    else:
        key = os.environ.get("LLM_API_KEY")
        settings = {"api_key": key} if key else {}
        measure(rows, OpenAIChat(base_url=args.base_url, model=args.model, **settings), args.cache)


if __name__ == "__main__":
    main()
