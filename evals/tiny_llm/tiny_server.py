"""A server that speaks OpenAI's chat completions, streamed or not, for a small model of transformers.

python evals/tiny_llm/tiny_server.py tiny --port 8123
"""

from __future__ import annotations

import argparse
import codecs
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch
from tiny_model import WINDOW, chat_text
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from ragkit.chat import Message


class Writer:
    """Writes after a conversation; the same text each time, whatever the temperature."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.model = LlamaForCausalLM.from_pretrained(folder).eval()
        self.end = self.tokenizer.token_to_id("<|end|>")
        self.lock = threading.Lock()

    def prompt(self, messages: list[dict[str, str]]) -> list[int]:
        """The tokens of a conversation."""
        said = [Message(m["role"], m["content"]) for m in messages]  # type: ignore[arg-type]
        ids: list[int] = self.tokenizer.encode(chat_text(said)).ids
        return ids

    @torch.inference_mode()
    def write(self, prompt: list[int], most: int, temperature: float) -> Iterator[int]:
        """The tokens that follow, without the one that ends."""
        given, known = torch.tensor([prompt]), None
        chance = torch.Generator().manual_seed(sum(prompt))
        with self.lock:
            for _ in range(most):
                out = self.model(input_ids=given, past_key_values=known, use_cache=True)
                known, logits = out.past_key_values, out.logits[0, -1]
                if temperature > 0:
                    likely = torch.softmax(logits / temperature, dim=-1)
                    token = int(torch.multinomial(likely, 1, generator=chance))
                else:
                    token = int(logits.argmax())
                if token == self.end:
                    return
                yield token
                given = torch.tensor([[token]])

    def bytes_of(self, token: int) -> bytes:
        """A token as bytes: a character may be several tokens."""
        alphabet = _byte_alphabet()
        return bytes(alphabet[char] for char in self.tokenizer.id_to_token(token) or "" if char in alphabet)


def _byte_alphabet() -> dict[str, int]:
    """Byte-level BPE's letters for bytes: those that print stand for themselves, the rest follow from 256."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {chr(b): b for b in plain} | {chr(256 + n): b for n, b in enumerate(rest)}


class Handler(BaseHTTPRequestHandler):
    """POST /v1/chat/completions."""

    writer: Writer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answers a request."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = self.writer.prompt(body["messages"])
        most, temperature = int(body.get("max_tokens") or 128), float(body.get("temperature") or 0.0)
        if len(prompt) + most > WINDOW:
            message = f"the prompt is too long: {len(prompt)} tokens, and {most} to write, for {WINDOW}"
            self._send(400, {"error": {"message": message, "code": "context_length_exceeded"}})
            return
        if body.get("stream"):
            self._stream(prompt, most, temperature)
            return
        tokens = list(self.writer.write(prompt, most, temperature))
        text = b"".join(map(self.writer.bytes_of, tokens)).decode("utf-8", "replace")
        reason = "length" if len(tokens) == most else "stop"
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": reason}
        self._send(200, {"model": "tiny", "choices": [choice], "usage": _usage(prompt, tokens)})

    def _stream(self, prompt: list[int], most: int, temperature: float) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        decoder, tokens = codecs.getincrementaldecoder("utf-8")("replace"), list[int]()
        for token in self.writer.write(prompt, most, temperature):
            tokens.append(token)
            self._event({"delta": {"content": decoder.decode(self.writer.bytes_of(token))}})
        reason = "length" if len(tokens) == most else "stop"
        self._event({"delta": {"content": decoder.decode(b"", True)}, "finish_reason": reason})
        told = {"choices": [], "usage": _usage(prompt, tokens)}
        self.wfile.write(f"data: {json.dumps(told)}\n\ndata: [DONE]\n\n".encode())
        self.close_connection = True

    def _event(self, choice: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps({'model': 'tiny', 'choices': [choice]})}\n\n".encode())
        self.wfile.flush()

    def _send(self, status: int, told: dict[str, Any]) -> None:
        data = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing is written for each request."""


def _usage(prompt: list[int], tokens: list[int]) -> dict[str, int]:
    return {"prompt_tokens": len(prompt), "completion_tokens": len(tokens)}


def server_of(folder: Path, port: int = 0) -> ThreadingHTTPServer:
    """A server on a loopback port; `serve_forever` runs it."""
    handler = type("TinyHandler", (Handler,), {"writer": Writer(folder)})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the model, as tiny_model.py writes it")
    parser.add_argument("--port", type=int, default=8123)
    args = parser.parse_args()
    server = server_of(args.folder, args.port)
    print(f"http://127.0.0.1:{server.server_port}/v1")
    server.serve_forever()


if __name__ == "__main__":
    main()
