from __future__ import annotations

import contextlib
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import DocumentError
from ragkit.ingest.parse.markdown import parse_markdown


def text_of(source: str) -> str:
    return parse_markdown(source).text


CASES = {
    "marks go and words stay": (
        "Some **bold**, *italic*, ~~old~~, `code` and \\*stars\\* &amp; more.",
        "Some bold, italic, old, code and *stars* & more.",
    ),
    "a link keeps its text, an address its own": (
        "See [the guide](../g.md 'T') or <https://a.example/x>, [ref][r].\n\n[r]: http://b.example",
        "See the guide or https://a.example/x, ref.",
    ),
    "an image gives its description": ("![A red lamp](lamp.png) lights.", "A red lamp lights."),
    "soft line ends are spaces and hard ones stay": ("one\ntwo  \nthree", "one two\nthree"),
    "code stays as it is": (
        "```py\ndef f():\n    return 1\n\nx = **2\n```",
        "def f():\n    return 1\n\nx = **2",
    ),
    "indented code too": ("Text:\n\n    a = 1\n      b", "Text:\n\na = 1\n  b"),
    "the title of a code block": ('```py title="main.py"\nx\n```', "main.py\n\nx"),
    "lists keep markers and depth": (
        "- a\n- b\n  - c\n\n    more of c\n- d\n\n3. x\n4. y",
        "- a\n- b\n  - c\n    more of c\n- d\n\n3. x\n4. y",
    ),
    "code in a list item": ("1. Run:\n\n    ```sh\n    ls -l\n    ```\n2. Done", "1. Run:\nls -l\n2. Done"),
    "quotes lose their marks": ("> said\n> so\n>\n>> twice", "said so\n\ntwice"),
    "a table names its columns in every row": (
        "| Model | Warranty |\n|---|---|\n| Wick 5 | 24 months |\n| Wick **7** | |",
        "Model | Warranty\nModel: Wick 5 | Warranty: 24 months\nModel: Wick 7",
    ),
    "html blocks give their text": (
        "<div align='center'>\n<p>Hello <b>there</b></p>\n</div>\n\n<script>x()</script>\n\n"
        "<!-- no -->\n\nEnd",
        "Hello there\n\nEnd",
    ),
    "inline html": ("a<br>b <kbd>Ctrl</kbd> <!-- no -->c <script>x</script>", "a\nb Ctrl c "),
    "abbreviations show what they stand for": (
        "<abbr title='Asynchronous Server Gateway Interface'>ASGI</abbr> server",
        "ASGI (Asynchronous Server Gateway Interface) server",
    ),
    "footnotes stay, their marks go": (
        "Text[^1] on.\n\n[^1]: The note.\n    More.",
        "Text on.\n\nThe note. More.",
    ),
    "rules are not text": ("a\n\n---\n\nb", "a\n\nb"),
}


@pytest.mark.parametrize(("source", "expected"), CASES.values(), ids=CASES.keys())
def test_canonical_text(source: str, expected: str) -> None:
    assert text_of(source) == expected.rstrip()


DIALECTS = {
    "admonition": (
        '!!! warning "Heads up"\n    Mind *this*.\n\n    - a\n\nAfter',
        "Heads up: Mind this.\n\n- a\n\nAfter",
    ),
    "admonition without title": ("!!! note\n    Text.", "Note: Text."),
    "admonition with an empty title": ('!!! note ""\n    Text.', "Text."),
    "collapsible": ('???+ tip "More"\n    Text.', "More: Text."),
    "tabs": (
        '=== "Linux"\n    ```\n    apt\n    ```\n=== "Mac"\n    Use brew.',
        "Linux:\n\napt\n\nMac: Use brew.",
    ),
    "slash block": (
        "/// tip | Совет\n\nДелайте так.\n\nЕщё.\n\n///\n\nПосле",
        "Совет: Делайте так.\n\nЕщё.\n\nПосле",
    ),
    "nested slash blocks": ("//// tab | A\n\n/// note\n\nText\n\n///\n\n////", "A:\n\nNote: Text"),
    "container": (":::tip Title\nText\n:::", "Title: Text"),
    "includes": ("a\n\n{* ../../docs_src/x.py hl[1:3] *}\n\n{!> ../x.py !}\n\nb", "a\n\nb"),
    "attribute lists": ("[Go](x){ .md-button target=_blank } now\n{: .lead }", "Go now"),
    "inside code nothing changes": (
        "```\n!!! note\n    x\n/// tip\n[^1]: y\n```",
        "!!! note\n    x\n/// tip\n[^1]: y",
    ),
    "terminal colours": ('```console\n$ <font color="#4E9A06">run</font>\n<b>ok</b>\n```', "$ run\nok"),
}


@pytest.mark.parametrize(("source", "expected"), DIALECTS.values(), ids=DIALECTS.keys())
def test_dialects_of_documentation_sites(source: str, expected: str) -> None:
    assert text_of(source) == expected


def test_sections_nest_and_heading_anchors_go() -> None:
    parsed = parse_markdown("# A { #a }\n\nx\n\n## B {: .c }\n\ny\n\nSetext\n------\n\nz\n\n# D\n")
    assert [(s.title, s.level) for s in parsed.sections] == [("A", 1), ("B", 2), ("Setext", 2), ("D", 1)]
    assert [parsed.text[s.span.start : s.span.end].split("\n")[0] for s in parsed.sections] == [
        "A",
        "B",
        "Setext",
        "D",
    ]
    a, b, setext, d = (s.span for s in parsed.sections)
    assert (a.end, b.end, setext.end, d.end) == (d.start, setext.start, d.start, len(parsed.text))


def test_blocks_are_paragraphs_items_rows_and_code() -> None:
    parsed = parse_markdown("# T\n\npara\n\n- a\n- b\n\n|x|\n|-|\n|1|\n\n```\nc\n```")
    assert [span.of(parsed.text) for span in parsed.blocks] == ["para", "- a", "- b", "x", "x: 1", "c"]


def test_front_matter_becomes_metadata() -> None:
    parsed = parse_markdown(
        "---\ntitle: Setup\ntags: [a, 1]\ndate: 2026-02-01\nx: {y: 1}\nz: null\n---\n# H\n"
    )
    assert dict(parsed.metadata) == {
        "title": "Setup",
        "tags": ("a", 1),
        "date": "2026-02-01",
        "x": "{'y': 1}",
    }
    assert parsed.text == "H"


def test_toml_front_matter_is_read() -> None:
    assert parse_markdown("+++\ntitle = 'T'\n+++\nx").metadata["title"] == "T"


def test_broken_front_matter_stays_in_the_text_with_a_note() -> None:
    parsed = parse_markdown("---\na: [1\n---\nbody")
    assert "a: [1" in parsed.text
    assert "front matter is not valid" in str(parsed.metadata["notes"])


def test_an_alias_bomb_in_front_matter_is_not_expanded() -> None:
    bomb = "---\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n---\nbody"
    parsed = parse_markdown(bomb)
    assert "aliases are not allowed" in str(parsed.metadata["notes"])


def test_python_tags_in_front_matter_run_nothing() -> None:
    parsed = parse_markdown("---\nx: !!python/object/apply:os.system ['true']\n---\nbody")
    assert "front matter is not valid" in str(parsed.metadata["notes"])


def test_a_rule_at_the_top_is_not_front_matter() -> None:
    assert text_of("---\n\nJust text\n\n---\n\nEnd").startswith("Just text")


HOSTILE = {
    "brackets": "[" * 100_000,
    "backticks": "`" * 100_000,
    "runs of backticks": " ".join("`" * (i % 300 + 1) for i in range(2_000)),
    "emphasis": "*a " * 50_000,
    "links": "[a](" * 30_000,
    "images": "![[" * 5_000,
    "entities": "&" * 100_000,
    "one long line": "word " * 200_000,
    "one long word": "a" * 1_000_000,
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_lines_end_in_bounded_time(source: str) -> None:
    try:
        assert len(text_of(source)) <= len(source)
    except DocumentError as e:
        assert "parsing did not end within" in e.reason  # noqa: PT017


@pytest.mark.parametrize(
    "source",
    [
        ">" * 10_000 + " x",
        "\n".join("  " * i + "- x" for i in range(1_000)),
        "!!! a\n" + "\n".join("    " * i + "!!! a" for i in range(1, 300)),
    ],
    ids=["quotes", "lists", "admonitions"],
)
def test_nesting_beyond_the_limit_is_an_error_and_loses_nothing_silently(source: str) -> None:
    with pytest.raises(DocumentError, match=r"are nested more than 100 deep\. Flatten it"):
        text_of(source)


words = st.text("абвгдежзabcdefgh", min_size=2, max_size=8)
sentences = st.lists(words, min_size=1, max_size=6).map(" ".join)
blocks = st.one_of(
    sentences,
    sentences.map("## {}".format),
    sentences.map("> {}".format),
    sentences.map("**{}**".format),
    sentences.map("```\n{}\n```".format),
    sentences.map("!!! note\n    {}".format),
    sentences.map("/// tip\n\n{}\n\n///".format),
    sentences.map("[{}](http://x.example)".format),
    sentences.map("<div>{}</div>".format),
    st.lists(sentences, min_size=1, max_size=3).map(lambda items: "\n".join(f"- {i}" for i in items)),
    st.lists(sentences, min_size=1, max_size=3).map(
        lambda items: "\n".join(f"{n}. {i}" for n, i in enumerate(items, 1))
    ),
    st.tuples(sentences, sentences).map(lambda c: f"| {c[0]} | {c[1]} |\n|---|---|\n| {c[1]} | {c[0]} |"),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(blocks, min_size=1, max_size=8))
def test_no_word_is_lost_and_spans_are_in_order(parts: list[str]) -> None:
    source = "\n\n".join(parts)
    parsed = parse_markdown(source)
    wanted = re.sub(r"http://x\.example|</?div>|!!! note|/// tip", " ", source)
    assert set(re.findall(r"\w{2,}", wanted)) <= set(re.findall(r"\w{2,}", parsed.text))
    edges = [edge for span in parsed.blocks for edge in (span.start, span.end)]
    assert edges == sorted(edges)
    assert all(span.of(parsed.text).strip() for span in parsed.blocks)
    assert all(parsed.text.startswith(s.title, s.span.start) for s in parsed.sections)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400) | st.text("#->*`|[]()!/:\n {}^~=_1a<", max_size=200))
def test_any_text_is_parsed(source: str) -> None:
    parsed = parse_markdown(source)
    assert all(0 <= s.span.start < s.span.end <= len(parsed.text) for s in parsed.sections)
    assert all(span.of(parsed.text).strip() for span in parsed.blocks)


@pytest.mark.parametrize(
    "source",
    [
        "!!! a" + " " * 200_000 + "!",
        "# a" + " " * 200_000 + "b",
        "x" + "[^a" * 20_000,
        "---\n" + "[" * 60_000 + "\n---\n",
    ],
)
def test_a_text_made_to_go_through_again_and_again_is_read_in_seconds(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The parser's own deadline is looked at between its steps; these held up one step for minutes.
    monkeypatch.setattr("ragkit.ingest.parse.limits._SECONDS", 2.0)
    start = time.monotonic()
    with contextlib.suppress(DocumentError):
        parse_markdown(source)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('!!! note inline end "A title"\n    Body.', "A title: Body."),
        ("!!! my-note\n    Body.", "My-note: Body."),
        ("# Title {#id .c}  ", "Title"),
        ("Text[^1] and[^long-name].\n", "Text and."),
    ],
)
def test_the_patterns_still_take_what_they_are_for(source: str, text: str) -> None:
    assert parse_markdown(source).text == text
