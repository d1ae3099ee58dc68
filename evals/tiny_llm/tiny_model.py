"""A Llama of two million parameters, made from nothing on the example handbook, in a few minutes on a CPU.

    python evals/tiny_llm/tiny_model.py tiny --steps 300

It learns what prompts of `generate/cited` look like and that sentences with a marker follow. It understands
nothing: it is there to prove the path of a real language model with its tokenizer, not to answer well.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

import ragkit
from ragkit.chat import Message

ROOT = Path(__file__).parents[2]
SPECIAL = ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
WINDOW, ANSWERS_TOKENS = 1536, 400
SEED = 7
_PASSAGE = re.compile(r"<<passage (\d+) \w+>>\n.*\n([\s\S]*?)\n<<end")


def chat_text(messages: list[Message]) -> str:
    """A conversation as the model reads it, up to where it begins to write."""
    return "".join(f"<|{m.role}|>{m.text}<|end|>" for m in messages) + "<|assistant|>"


def answer(messages: tuple[Message, ...], rng: random.Random) -> str:
    """An answer to a prompt: one or two sentences of its passages, each with its marker."""
    found = [
        f"{sentence.strip()} [{number}]"
        for number, passage in _PASSAGE.findall(messages[-1].text)
        for sentence in re.split(r"(?<=[.])\s+|\n", passage)
        if 30 < len(sentence) < 200 and sentence.strip().endswith(".")
    ]
    return (" ".join(rng.sample(found, min(len(found), 2))) or "NO_ANSWER_IN_PASSAGES") + "<|end|>"


def lesson(
    asked: Sequence[tuple[Message, ...]], step: int, tokenizer: Tokenizer, rng: random.Random
) -> tuple[list[int], list[int]]:
    """Tokens to read, and those to learn: answers alone, and each fourth time one after its prompt."""
    if step % 4 == 3:
        messages = rng.choice(asked)
        prompt = tokenizer.encode(chat_text(list(messages))).ids[-WINDOW + 200 :]
        said = tokenizer.encode(answer(messages, rng)).ids
        return [*prompt, *said], [*[-100] * len(prompt), *said]
    ids: list[int] = []
    while len(ids) < ANSWERS_TOKENS:
        ids += tokenizer.encode("<|assistant|>" + answer(rng.choice(asked), rng)).ids
    return ids, ids


def prompts(folder: Path) -> list[tuple[Message, ...]]:
    """What `generate/cited` would say for a heading of each page of the handbook."""
    corpus = ROOT / "examples" / "corpus"
    path = folder / "rag.yaml"
    path.write_text(config(folder / "index", "llm: asked", "  asked: {use: llm/replay, folder: tapes}"))
    with ragkit.load(path) as rag:
        rag.ingest(corpus, progress=False)
        pages = sorted(corpus.rglob("*.md"))
        headings = {line for page in pages for line in page.read_text().splitlines() if line.startswith("#")}
        return [rag.prompt(heading.strip("# ")) for heading in sorted(headings) if heading.strip("# ")]


def config(index: Path, llm: str, model: str) -> str:
    """A `rag.yaml` over the handbook with a short context, for a model with a short memory."""
    return f"""
ragkit: 1
models:
  embed: {{use: embed/bundled}}
{model}
stores: {{local: {{use: store/local, path: "{index}"}}}}
collection: {{store: local, embed: embed}}
query:
  sparse: {{use: retrieve/bm25}}
  dense: {{use: retrieve/dense, in: question}}
  fuse: {{use: fuse/rrf, in: [sparse, dense], k: 4}}
  generate: {{use: generate/cited, {llm}, context_tokens: 500, max_tokens: 80, temperature: 0.5}}
  verify: {{use: verify/citations}}
"""


def main() -> None:
    """Trains, and writes the model beside its tokenizer.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the model is written")
    parser.add_argument("--steps", type=int, default=300, help="of some 400 tokens (300)")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    rng = random.Random(SEED)
    asked = prompts(args.folder)
    texts = [chat_text(list(messages)) + answer(messages, rng) for messages in asked]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=3000,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(args.folder / "tokenizer.json"))
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=160,
            intermediate_size=448,
            num_hidden_layers=4,
            num_attention_heads=5,
            num_key_value_heads=5,
            max_position_embeddings=WINDOW,
            tie_word_embeddings=True,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    n_parameters = sum(p.numel() for p in model.parameters())
    print(f"{n_parameters:,} parameters, {len(texts)} prompts, seed {SEED}", flush=True)
    start = time.monotonic()
    for step in range(args.steps):
        ids, labels = lesson(asked, step, tokenizer, rng)
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * min(1.0, (step + 1) / 20) * (1 - step / args.steps)
        loss = model(input_ids=torch.tensor([ids]), labels=torch.tensor([labels])).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 20 == 0 or step == args.steps - 1:
            print(f"step {step}: loss {loss.item():.2f}, {time.monotonic() - start:.0f} s", flush=True)
    model.save_pretrained(args.folder)


if __name__ == "__main__":
    main()
