"""The one word that a cut over changes, and all that it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.config.cut_over import cut_over, store_word, write_both
from ragkit.config.load import load_config
from ragkit.errors import ConfigError

HEAD = """\
ragkit: 1
models: {embed: {use: embed/bundled}}
stores:
  local: {use: store/local, path: ./index}  # store: local
  other: {use: store/local, path: ./other}
"""
TAIL = """\
query:
  dense:  {use: retrieve/dense, in: question}
  sparse: {use: retrieve/bm25, in: question}
  fuse:   {use: fuse/weighted, in: [dense, sparse]}
  generate: generate/extractive
  verify: verify/citations
"""
FORMS = [
    "collection:\n  embed: embed\n  store: {}   # where it is\n",
    "collection: {{store: {}, embed: embed}}  # гарантия\n",
    "collection:\n  store:\n    {}\n  embed: embed\n",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("word", ["local", "'local'", '"local"'])
def test_only_the_word_changes(form: str, word: str, tmp_path: Path) -> None:
    path = tmp_path / "rag.yaml"
    path.write_text(HEAD + form.format(word) + TAIL)
    path.chmod(0o640)
    line = cut_over(path, "other")
    assert path.read_text() == HEAD + form.format("other") + TAIL
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_text().splitlines()[line.line - 1].strip() == line.text
    assert [p.name for p in tmp_path.iterdir()] == ["rag.yaml"]
    cut_over(path, "local")
    assert path.read_text() == HEAD + form.format("local") + TAIL


@pytest.mark.parametrize("form", FORMS)
def test_of_a_variable_that_is_not_set_the_default_changes(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WHERE", raising=False)
    path = tmp_path / "rag.yaml"
    path.write_text(HEAD + form.format('"${WHERE:-local}"') + TAIL)
    assert '"${WHERE:-other}"' in cut_over(path, "other").text
    assert path.read_text() == HEAD + form.format('"${WHERE:-other}"') + TAIL
    write_both(path, ("other", "local"))
    assert load_config(path).collection.dual_write == ("other", "local")
    monkeypatch.setenv("WHERE", "local")
    with pytest.raises(ConfigError, match="follows the variable WHERE, which is set"):
        cut_over(path, "local")


def test_line_ends_and_the_mark_at_the_beginning_stay(tmp_path: Path) -> None:
    path = tmp_path / "rag.yaml"
    before, after = (
        (HEAD + FORMS[0].format(word) + TAIL).replace("\n", "\r\n").encode("utf-8-sig")
        for word in ("local", "other")
    )
    path.write_bytes(before)
    cut_over(path, "other")
    assert path.read_bytes() == after


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "rag.yaml"
    real.write_text(HEAD + FORMS[0].format("local") + TAIL)
    link.symlink_to(real)
    cut_over(link, "other")
    assert link.is_symlink()
    assert "store: other" in real.read_text()


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ("collection: {embed: embed}\n", "collection.store is not written here"),
        ("collection:\n  store: ${STORE}\n", "an alias or a variable"),
        ("x: &s local\ncollection: {store: *s, embed: embed}\n", "an alias or a variable"),
    ],
)
def test_what_is_not_written_there_is_refused(form: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        store_word(HEAD + form + TAIL, "rag.yaml")


def test_an_unknown_store_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rag.yaml"
    path.write_text(HEAD + FORMS[0].format("local") + TAIL)
    before = path.read_bytes()
    with pytest.raises(ConfigError):
        cut_over(path, "nowhere")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["rag.yaml"]
