"""A stage that asks a chat model has another key with another prompt, and with another tier of its model."""

from __future__ import annotations

from pathlib import Path

from ragkit.assembly import Assembly
from ragkit.config.load import load_config
from ragkit.evaluation.runner.stage_key import Key, stage_keys
from ragkit.types import QueryPlan

YAML = """
ragkit: 1
models:
  embed: {use: embed/bundled}
  small: {use: llm/replay, folder: tapes}
  large: {use: llm/replay, folder: more_tapes}
  chat: {use: llm/route, tiers: [small, large]}
stores: {local: {use: store/local, path: ./index}}
collection: {store: local, embed: embed}
query:
  sparse: {use: retrieve/bm25, in: question, k: 5}
  fuse: {use: fuse/rrf, in: [sparse]}
  generate: {use: generate/cited, llm: chat, prompt: tone.txt}
  verify: {use: verify/citations}
"""
PROMPT = "{no_answer} {fence}\n=== user ===\n{passages}{question}"


def key(folder: Path, text: str = YAML, prompt: str | None = None) -> Key:
    if prompt is not None:
        (folder / "tone.txt").write_text(prompt)
    (folder / "rag.yaml").write_text(text)
    config = load_config(folder / "rag.yaml")
    order = [node.name for node in config.graph.nodes]
    keys = stage_keys(config.graph, order, config, Assembly(config, create=False), "an index")
    return keys.of(QueryPlan.of("How long is the warranty?"))["generate"]


def test_another_prompt_in_the_same_file_is_another_key(tmp_path: Path) -> None:
    assert key(tmp_path, prompt=PROMPT) != key(tmp_path, prompt=f"Be brief. {PROMPT}")


def test_another_model_behind_a_route_is_another_key(tmp_path: Path) -> None:
    before = key(tmp_path, prompt=PROMPT)
    assert before == key(tmp_path)
    assert before != key(tmp_path, YAML.replace("folder: more_tapes", "folder: other_tapes"))
