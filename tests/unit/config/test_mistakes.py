"""Broken configurations, each a change to a working one, with the line and the message that must come out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ragkit.config.load import load_config
from ragkit.errors import ConfigError

pytestmark = pytest.mark.usefixtures("broken_store")

GOOD = """\
ragkit: 1
models:
  embed: {use: embed/bundled}
  rerank: {use: rerank/bundled}
  remote: {use: embed/remote, url: "https://host/", timeout: 10}
stores:
  local: {use: store/local, path: ./index}
collection:
  store: local
  embed: embed
  bm25: {use: bm25/default, language: auto}
  fields: {tenant: keyword!, tags: [keyword]}
ingest:
  chunk: {use: chunk/recursive, size: 350, overlap: 40}
query:
  dense: {use: retrieve/dense, in: question, k: 50}
  sparse: {use: retrieve/bm25, in: question, k: 50}
  fuse: {use: fuse/rrf, in: [dense, sparse]}
  rerank: {use: rerank/model, model: rerank, k: 8, on_error: skip}
  compress: {use: compress/extractive, budget_tokens: 1800}
  generate: generate/extractive
  verify: {use: verify/citations, on_unsupported: drop}
"""

# what is replaced, by what, the line of the mistake, what is said of it
Mutant = tuple[str, str, int | None, str]
TOP: list[Mutant] = [
    ("ragkit: 1\n", "", 1, r"ragkit: required and missing"),
    ("ragkit: 1", "ragkit: 2", 1, r"ragkit: this ragkit reads format version 1, not 2"),
    ("ragkit: 1", 'ragkit: "1"', 1, r"format version 1, not '1'"),
    ("ragkit: 1", "ragkit:", 1, r"format version 1, not nothing"),
    ("stores:", "store:", 6, r"store: unknown key\. Keys of the file: .*Did you mean 'stores'\?"),
    ("stores:", "store:", 1, r"stores: required and missing"),
    ("collection:", "collections:", 8, r"collections: several collections are not supported"),
    ("ingest:", "limits: {usd: 1}\ningest:", 13, r"limits: unknown key\. Keys of the file"),
    ("ingest:", "caches: {}\ningest:", 13, r"caches: unknown key"),
]
SYNTAX: list[Mutant] = [
    ("  local: {use", "\tlocal: {use", 7, r"not valid YAML: .*Indent with spaces"),
    ("size: 350,", "size: ${SIZE},", 14, r'Inside braces a variable needs quotes: "\$\{NAME\}"'),
    ("embed: embed\n", "embed: embed: no\n", 10, r"not valid YAML: mapping values are not allowed"),
    ('"https://host/"', '"https://host/', 23, r"not valid YAML: found unexpected end of stream"),
    ("  store: local", "  store: local\n  store: other", 10, r"collection.store: duplicate key; .* line 9"),
    ("k: 8,", "k: 8, k: 9,", 19, r"query.rerank.k: duplicate key; it is first set in line 19"),
    ("path: ./index", "path: !!python/name:os.system x", 7, r"stores.local.path: tags are not read; remove"),
    ("size: 350", "size: !!int 350", 14, r"ingest.chunk.size: tags are not read"),
    ("embed: {use: embed/bundled}", "embed: !model {use: embed/bundled}", 3, r"models.embed: tags are not"),
    ("store: local\n", "store: *local\n", 9, r"nothing is anchored as &local"),
    ("bm25: {use", "bm25: &b {again: *b, use", 11, r"\*b stands inside what it refers to"),
    ("  bm25: {use", "  <<: {a: 1}\n  bm25: {use", 11, r"collection.<<: merge keys are not read"),
    ("  bm25: {use", "  [a]: 1\n  bm25: {use", 11, r"collection: a key is written as text"),
    ("query:", "---\nquery:", 15, r"a second document starts here"),
    ("host", "ho\x07st", 5, r"a control character"),
    ("[dense, sparse]", "[" * 40 + "]" * 40, 18, r"nested more than 32 deep"),
]
COMPONENTS: list[Mutant] = [
    (
        "embed/bundled",
        "embed/bundeld",
        3,
        r"models.embed.use: unknown name 'embed/bundeld'\. Did you mean 'emb",
    ),
    ("fuse/rrf", "fuse/rff", 18, r"query.fuse.use: unknown name 'fuse/rff'\. Did you mean 'fuse/rrf'\?"),
    ("use: fuse/rrf", "use: rrf", 18, r"query.fuse.use: expected role/name, .*got rrf"),
    ("{use: embed/bundled}", "embed/bundeld", 3, r"models.embed.use: unknown name"),
    ("use: store/local,", "", 7, r"stores.local.use: required and missing: expected one of store/broken, s"),
    ("use: fuse/rrf", "use: [fuse/rrf]", 18, r"query.fuse.use: expected role/name, .*got a list"),
    ("use: fuse/rrf", "use: ", 18, r"query.fuse.use: expected role/name, .*got nothing"),
    ("{use: embed/bundled}", "[embed/bundled]", 3, r"models.embed: expected a model: \{use: .*got a list"),
    ("{use: embed/bundled}", "", 3, r"models.embed: expected a model: .*got nothing"),
    ("embed/bundled", "store/local", 3, r"expected a model, but store/local is a store\. .*under stores:"),
    ("rerank/bundled", "rerank/model", 4, r"expected a model, but rerank/model is a stage\. .*under query:"),
    ("use: rerank/model", "use: rerank/bundled", 19, r"expected a stage, but .* is a model\. .*models:"),
    ("store/local", "embed/bundled", 7, r"stores.local.use: expected a store, but embed/bundled is a model"),
    ("chunk/recursive", "fuse/rrf", 14, r"ingest.chunk.use: expected a chunker, but fuse/rrf is a stage"),
    ("use: fuse/rrf", "use: chunk/recursive", 18, r"is a chunker\. It belongs under ingest.chunk:"),
    ("store/local, path: ./index", "store/far, url: x", 7, r"pip install 'ragkit\[far\]'"),
    ("store/local, path: ./index", "store/far, url: []", 7, r"stores.local.url: expected text, got a list"),
    ("store/local, path: ./index", "store/broken", 7, r"toy_no_such_module:Broken cannot be imported"),
    (
        "  local: {use",
        "  my.local: {use",
        7,
        r"stores.my.local: 'my.local' cannot name a store: expected letters",
    ),
    ("  local: {use", "  1st: {use", 7, r"'1st' cannot name a store"),
]
SETTINGS: list[Mutant] = [
    (
        "model: rerank",
        "modle: rerank",
        19,
        r"query.rerank.modle: unknown key\. Keys of 'rerank/model': model, k, in, when, timeout_s, retries, "
        r"on_error\. Did you mean 'model'\?",
    ),
    (
        "model: rerank",
        "modle: rerank",
        19,
        r"query.rerank.model: required and missing: expected the name of a mod",
    ),
    ('url: "https://host/",', "", 5, r"models.remote.url: required and missing: expected text"),
    ("embed/bundled}", "embed/bundled, size: 1}", 3, r"models.embed.size: unknown key\. Keys of .*: none\."),
    ("k: 8", "k: 0", 19, r"query.rerank.k: expected a number >= 1, got 0"),
    (
        "in: question, k: 50}\n  sp",
        "in: question, k: 20000}\n  sp",
        16,
        r"dense.k: expected a number <= 10000, got 20",
    ),
    ("k: 8", "k: eight", 19, r"query.rerank.k: expected a whole number, got eight"),
    ("k: 8", 'k: "8"', 19, r"expected a whole number, got '8' in quotes, which is text; remove the quotes"),
    ("k: 8", "k: 8.5", 19, r"query.rerank.k: expected a whole number, got 8\.5"),
    ("k: 8", "k: 08", 19, r"query.rerank.k: expected a whole number, got 08"),
    ("k: 8", "k: 1:30", 19, r"query.rerank.k: expected a whole number, got 1:30"),
    ("k: 8", "k: true", 19, r"query.rerank.k: expected a whole number, got true"),
    ("k: 8", "k: ", 19, r"query.rerank.k: expected a whole number, got nothing"),
    ("k: 8", "k: {a: 1}", 19, r"query.rerank.k: expected a whole number, got a mapping"),
    ("timeout: 10", "timeout: 0", 5, r"models.remote.timeout: expected a number > 0, got 0"),
    ("timeout: 10", "timeout: .nan", 5, r"models.remote.timeout: expected a number, got \.nan"),
    ("timeout: 10", "timeout: .inf", 5, r"models.remote.timeout: expected a number, got \.inf"),
    ("timeout: 10", "batch: none", 5, r"models.remote.batch: expected a whole number, got none"),
    ("timeout: 10", "batch: 0", 5, r"models.remote.batch: expected a number >= 1, got 0"),
    ("timeout: 10", "hosts: a", 5, r"models.remote.hosts: expected a list, got a"),
    ("timeout: 10", "hosts: [a, [b]]", 5, r"models.remote.hosts\[1\]: expected text, got a list"),
    ("timeout: 10", "headers: {a: [b]}", 5, r"models.remote.headers.a: expected text, got a list"),
    ("timeout: 10", "headers: [a]", 5, r"models.remote.headers: expected a mapping, got a list"),
    ("path: ./index", "sync: 1", 7, r"stores.local.sync: expected true or false, got 1"),
    ("path: ./index", 'sync: "no"', 7, r"expected true or false, got 'no' in quotes"),
    ("path: ./index", "path: ~", 7, r"stores.local.path: expected a path, got ~ \(nothing\)"),
    (
        "path: ./index",
        "index: index/fais",
        7,
        r"expected 'index/exact' or 'index/faiss', got .*Did you mean 'index/f",
    ),
    (
        "on_unsupported: drop",
        "on_unsupported: dropp",
        22,
        r"'drop', 'flag' or 'abstain', got dropp\. Did you mean 'd",
    ),
    ("overlap: 40", "overlap: 400", 14, r"ingest.chunk: overlap \(400\) must be less than size \(350\)"),
    (
        "use: bm25/default, ",
        "langage: ru, ",
        11,
        r"bm25.langage: unknown key\. Keys of collection.bm25: .*Did you mean 'lang",
    ),
    ("language: auto", "language: xx", 11, r"collection.bm25.language: no analysis for the language 'xx'"),
    ("language: auto", "b: 1.5", 11, r"collection.bm25.b: expected a number <= 1, got 1\.5"),
    ("bm25/default", "bm25/other", 11, r"collection.bm25.use: expected .*'bm25/default'.*got bm25/other"),
    (
        "tenant: keyword!",
        "tenant: keywrd!",
        12,
        r"collection.fields.tenant: 'keywrd!' is not a type.*Did you mean 'key",
    ),
    ("tags: [keyword]", "acl: keyword", 12, r"collection.fields.acl: 'keyword': expected \[keyword\]"),
    ("{use: bm25/default, language: auto}", "5", 11, r"collection.bm25: expected a mapping, got 5"),
    (
        "  chunk:",
        "  chunks:",
        14,
        r"ingest.chunks: unknown key\. Keys of ingest: load, chunk\. Did you mean 'chunk'",
    ),
]
REFERENCES: list[Mutant] = [
    (
        "store: local",
        "store: lcal",
        9,
        r"collection.store: no store named 'lcal' under stores; stores: local\. Did",
    ),
    (
        "  embed: embed\n",
        "  embed: embd\n",
        10,
        r"no model named 'embd' under models; models: embed, rerank, remote",
    ),
    (
        "  embed: embed\n",
        "  embed: rerank\n",
        10,
        r"expected an embedder, but 'rerank' is a reranker \(rerank/bundled\)",
    ),
    (
        "model: rerank",
        "model: remote",
        19,
        r"expected a reranker, but 'remote' is an embedder.*that fit: rerank",
    ),
    ("model: rerank", "model: [rerank]", 19, r"query.rerank.model: expected the name of a model, got a list"),
    ("generate/extractive", "{use: generate/extractive, modl: x}", 21, r"query.generate.modl: unknown key"),
]
GRAPH: list[Mutant] = [
    ("[dense, sparse]", "[dense, spars]", 18, r"query.fuse: unknown input 'spars'\. Did you mean 'sparse'"),
    ("[dense, sparse]", "[]", 18, r"query.fuse.in: expected a list of at least 1, got a list"),
    ("[dense, sparse]", "{a: dense}", 18, r"query.fuse.in: expected text or a list, got a mapping"),
    (
        "[dense, sparse]",
        "[dense, verify]",
        18,
        r"query.fuse: a cycle|query.fuse: needs Rankings but 'verify'",
    ),
    ("in: [dense, sparse]", "in: dense", 17, r"query.sparse: its output is used by nobody"),
    (
        "  fuse: {use: fuse/rrf, in: [dense, sparse]}\n",
        "",
        18,
        r"query.rerank: needs Ranking but 'sparse' gives Rank",
    ),
    (
        "on_error: skip",
        "on_error: skipp",
        19,
        r"query.rerank: on_error: 'skipp' is neither fail, skip nor a node",
    ),
    ("on_error: skip", "retries: -1", 19, r"query.rerank.retries: expected a number >= 0, got -1"),
    ("on_error: skip", "timeout_s: 0", 19, r"query.rerank.timeout_s: expected a number > 0, got 0"),
    ("on_error: skip", "timeout_s: 2s", 19, r"query.rerank.timeout_s: expected a number, got 2s"),
    ("on_error: skip", "when: histry", 19, r"query.rerank: .*histry"),
    ("on_error: skip", "when: []", 19, r"query.rerank.when: expected text, got a list"),
    ("  fuse: {use", "  question: {use", 18, r"query.question: 'question' cannot be a node's name"),
    ("query:\n", "query: {}\nx:\n", 15, r"query: expected at least one node"),
    ("query:\n", "query: [1]\nx:\n", 15, r"query: expected a mapping of names to a stage"),
]
ENVIRONMENT: list[Mutant] = [
    (
        "store: local",
        "store: ${STORAGE}",
        9,
        r"collection.store: the environment variable STORAGE is not set",
    ),
    ("store: local", "store: ${STORE}", 9, r"no store has the name in the value of \$\{STORE\} under stores"),
    ("k: 8", 'k: "${STORE}"', 19, r"query.rerank.k: expected a whole number, got the value of \$\{STORE\}"),
    ("k: 8", 'k: "${ZERO}"', 19, r"query.rerank.k: expected a number >= 1, got the value of \$\{ZERO\}"),
    ("store: local", "store: ${}", 9, r"collection.store: '\$\{' opens no variable: write \$\{NAME\}"),
    ("store: local", "store: ${A:-${B}}", 9, r"collection.store: '\$\{' opens no variable"),
    (
        "embed/bundled}",
        '"${STORE}"}',
        3,
        r"models.embed.use: expected role/name, .*got the value of \$\{STORE\}",
    ),
    (
        "overlap: 40",
        'overlap: "${BIG}"',
        14,
        r"ingest.chunk: overlap \(the value of \$\{BIG\}\) must be less",
    ),
    (
        "language: auto",
        'language: "${STORE}"',
        11,
        r"no analysis for the language 'the value of \$\{STORE\}'",
    ),
]
ENV = {"STORE": "s3cr3t-store", "ZERO": "0", "BIG": "98765"}
ALL = [*TOP, *SYNTAX, *COMPONENTS, *SETTINGS, *REFERENCES, *GRAPH, *ENVIRONMENT]


def mistakes(text: str, **options: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(text, env=ENV, **options)
    return list(caught.value.problems)


def test_the_unbroken_text_loads() -> None:
    assert load_config(GOOD, env={}).graph.output == "verify"


@pytest.mark.parametrize(("old", "new", "line", "message"), ALL)
def test_a_mistake_is_reported_with_its_line(old: str, new: str, line: int, message: str) -> None:
    assert old in GOOD
    found = mistakes(GOOD.replace(old, new, 1))
    pattern = re.compile(rf"<text>:{line}: (?=.*?{message})")
    assert any(pattern.match(problem) for problem in found), found


@pytest.mark.parametrize(("old", "new", "line", "message"), ENVIRONMENT)
def test_no_value_of_a_variable_is_shown(old: str, new: str, line: int, message: str) -> None:
    text = "\n".join(mistakes(GOOD.replace(old, new, 1)))
    assert "s3cr3t" not in text
    assert "98765" not in text


def test_the_table_is_long_enough() -> None:
    assert len(ALL) >= 60


def test_a_mistake_is_not_buried_among_its_consequences() -> None:
    local = [*SYNTAX, *COMPONENTS, *SETTINGS, *REFERENCES, *ENVIRONMENT]
    several = [new for old, new, *_ in local if len(mistakes(GOOD.replace(old, new, 1))) > 2]
    assert several == []


def test_independent_mistakes_are_reported_together_by_line() -> None:
    text = GOOD
    for old, new, *_ in (SETTINGS[0], SETTINGS[6], REFERENCES[0], GRAPH[0], ENVIRONMENT[7], TOP[1]):
        text = text.replace(old, new, 1)
    found = mistakes(text)
    lines = [int(problem.split(":")[1]) for problem in found]
    assert lines == sorted(lines)
    assert set(lines) == {1, 9, 14, 17, 18, 19}


def test_a_stage_with_a_mistake_still_takes_part_in_the_check_of_the_graph() -> None:
    text = GOOD.replace("k: 8", "k: 0").replace("in: [dense, sparse]", "in: dense")
    found = mistakes(text)
    assert [problem.split(": ", 1)[0] for problem in found] == ["<text>:17", "<text>:19"]


def test_a_stage_of_unknown_name_causes_no_further_messages() -> None:
    found = mistakes(GOOD.replace("fuse/rrf", "fuse/rff"))
    assert len(found) == 1


def test_a_node_named_by_a_stage_of_unknown_name_counts_as_used() -> None:
    text = GOOD.replace("  dense:", "  other: {use: query/route, in: question}\n  dense:").replace(
        "generate: generate/extractive", "generate: {use: generate/unknown, to: [other]}"
    )
    assert len(mistakes(text)) == 1


def test_a_range_is_checked_beside_a_wrong_type() -> None:
    found = mistakes(GOOD.replace("timeout: 10", "timeout: -1, batch: x"))
    assert len(found) == 2


def test_many_unknown_keys_do_not_drown_the_rest() -> None:
    keys = "".join(f"  a{i}: 1\n" for i in range(1000))
    found = mistakes(GOOD.replace("  store: local\n", f"  store: lcal\n{keys}"))
    assert any("and 992 more unknown keys" in problem for problem in found)
    assert any("no store named 'lcal'" in problem for problem in found)
    assert len(found) < 12


def test_a_long_list_of_mistakes_ends() -> None:
    nodes = "".join(f"  n{i}: {{use: rerank/model, model: m{i}}}\n" for i in range(1000))
    found = mistakes(GOOD.replace("query:\n", f"query:\n{nodes}"))
    assert len(found) == 101
    assert re.fullmatch(r"<text>: and \d+ more", found[-1])


def test_a_long_key_is_cut_in_the_message() -> None:
    found = mistakes(GOOD.replace("k: 8", f"{'k' * 50_000}: 8"))
    assert max(map(len, found)) < 500


def test_what_is_no_path_is_cut_in_the_message() -> None:
    assert len(mistakes("[a," * 50_000)[0]) < 500


def test_control_characters_are_escaped_in_messages() -> None:
    found = mistakes(GOOD.replace("k: 8", '"a\\e[31mb\\nc": 8'))
    assert "\x1b" not in found[0]
    assert "query.rerank.a\\x1b[31mb\\nc: unknown key" in found[0]


def test_aliases_that_unfold_without_end_are_refused() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    found = mistakes("\n".join(rows))
    assert len(found) == 1
    assert "more than 20000 values, those repeated by aliases included" in found[0]


def test_a_huge_text_is_refused() -> None:
    assert "more than 262144 characters" in mistakes("a: " + "x" * 300_000)[0]


def test_the_path_stands_before_the_line(tmp_path: Path) -> None:
    path = tmp_path / "rag.yaml"
    path.write_text(GOOD.replace("k: 8", "k: 0"), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.problems == (f"{path}:19: query.rerank.k: expected a number >= 1, got 0",)
    assert (caught.value.path, caught.value.line) == (str(path), 19)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.yaml", None, "no such file. `ragkit init` writes one"),
        ("", None, "is a folder; expected a file, for example .*rag.yaml"),
        ("latin.yaml", "café: 1".encode("latin-1"), "not UTF-8 text at byte 3"),
        ("empty.yaml", b"", ":1: the file is empty. `ragkit init`"),
        ("comment.yaml", b"# nothing\n", ":1: the file is empty"),
        ("null.yaml", b"~\n", ":1: expected a mapping with the keys ragkit, models"),
        ("list.yaml", b"- a\n", ":1: expected a mapping"),
    ],
)
def test_an_unreadable_file_is_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"collection.store": "prod"},
            r"^set collection.store: no store named 'prod' under stores; stores: local",
        ),
        ({"query.rerank.k": 0}, r"^set query.rerank.k: expected a number >= 1, got 0$"),
        ({"query.rerank.kk": 1}, r"^set query.rerank.kk: unknown key\. Keys of 'rerank/model'"),
        ({"query.rernk.k": 1}, r"^set query.rernk.k: nothing is named 'rernk' under query; it has: dense, "),
        (
            {"query.rerank": {"use": "rerank/model", "k": 1}},
            r"^set query.rerank: query.rerank.model: required and",
        ),
        ({"query.fuse.in.0": "x"}, r"^set query.fuse.in.0: query.fuse.in is no mapping"),
        ({"query..k": 1}, r"^set query..k: expected keys joined by dots"),
        ({"query.rerank.k": object()}, r"^set query.rerank.k: expected a text, number, .* got object$"),
        (
            {"collection.store": "${NOT_THERE}"},
            r"^set collection.store: the environment variable NOT_THERE is not",
        ),
        ({"limits": 1}, r"^set limits: unknown key"),
    ],
)
def test_a_mistake_in_an_override_names_the_override(changes: dict[str, Any], message: str) -> None:
    found = mistakes(GOOD, set=changes)
    assert len(found) == 1
    assert re.search(message, found[0]), found
