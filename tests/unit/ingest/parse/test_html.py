from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import DocumentError
from ragkit.ingest.parse.html import declared_charset, parse_html


def text_of(source: str) -> str:
    return parse_html(source).text


CASES = {
    "paragraphs and inline marks": ("<p>One <b>two</b>\n three.</p><p>Four</p>", "One two three.\n\nFour"),
    "line breaks": ("<p>a<br>b<br><br>c</p>", "a\nb\n\nc"),
    "lists": (
        "<p>x</p><ul><li>a<ul><li>b</li></ul></li><li><p>c</p><p>d</p></li></ul><ol start=3><li>e<li>f</ol>",
        "x\n\n- a\n  - b\n- c\n  d\n\n3. e\n4. f",
    ),
    "preformatted text": ("<pre>\n  a\n    b</pre>", "  a\n    b"),
    "a table with column names": (
        "<table><caption>Cap</caption><tr><th>Model<th>Warranty</tr>"
        "<tr><td>Wick<td>24 <i>months</i></tr></table>",
        "Model | Warranty\nCap\nModel: Wick | Warranty: 24 months",
    ),
    "a table without column names": ("<table><tr><td>a<td>b</tr><tr><td>c<td>d</tr></table>", "a | b\nc | d"),
    "a table that lays out the page": (
        "<table><tr><td><ul><li>menu</li></ul></td><td><h1>T</h1><p>Text</p></td></tr></table>",
        "- menu\n\nT\n\nText",
    ),
    "cells that span columns": (
        "<table><tr><th>A<th>B<th>C</tr><tr><td colspan=2>1<td>2</tr></table>",
        "A | B | C\nA: 1 | C: 2",
    ),
    "definitions": (
        "<dl><dt>Bin<dd>A place.<dt>Lot<dt>Batch<dd><p>Goods.</p><dt>Alone</dl>",
        "Bin: A place.\n\nLot, Batch: Goods.\n\nAlone:",
    ),
    "entities and hard spaces stay characters": (
        "<p>24&nbsp;months &lt;b&gt; &amp; &#8470;</p>",
        "24\xa0months <b> & №",
    ),
    "descriptions of images and abbreviations": (
        "<p><img alt='A lamp' src=x> <abbr title='Light'>L</abbr></p>",
        "A lamp L (Light)",
    ),
    "what is never text": (
        "<p>a</p><script>s</script><style>s</style><template>t</template>"
        "<noscript>n</noscript><!-- c --><svg><text>v</text></svg>",
        "a",
    ),
    "what is hidden": (
        "<p>a</p><p hidden>b</p><div style='display: none'>c</div><span aria-hidden=true>d</span>"
        "<span style='font-size:0px'>e</span><p style='visibility:hidden'>f</p>",
        "a",
    ),
}


@pytest.mark.parametrize(("source", "expected"), CASES.values(), ids=CASES.keys())
def test_canonical_text(source: str, expected: str) -> None:
    assert text_of(source) == expected.strip("\n")


PAGE = "<header>Site</header><nav>Menu</nav>{}<aside>Ad</aside><footer>Imprint</footer>"


def test_main_is_the_document() -> None:
    body = "<main><h1>T</h1><nav>toc</nav><p>Text of some length.</p><aside>Note</aside></main>"
    assert text_of(PAGE.format(body)) == "T\n\nText of some length.\n\nNote"


def test_an_article_keeps_its_own_header_and_aside() -> None:
    body = "<article><header><h1>T</h1></header><p>Text</p><aside>Note</aside><footer>By X</footer></article>"
    assert text_of(PAGE.format(body)) == "T\n\nText\n\nNote\n\nBy X"


def test_a_page_with_neither_keeps_all_but_its_navigation() -> None:
    assert text_of(PAGE.format("<p>Text</p>")) == "Site\n\nText\n\nAd\n\nImprint"


def test_a_main_that_holds_little_of_the_page_is_not_trusted() -> None:
    assert "The whole story" in text_of(f"<main>x</main><div>{'The whole story. ' * 20}</div>")


def test_a_page_of_nothing_but_navigation_is_kept() -> None:
    assert text_of("<nav><ul><li>Install</li><li>Use</li></ul></nav>") == "- Install\n- Use"


def test_headings_make_sections_without_their_anchor_links() -> None:
    parsed = parse_html(
        "<h1>A<a class=headerlink href=#a>¶</a></h1><p>x</p><h2><a href=#b>B</a></h2><p>y</p>"
    )
    assert [(s.title, s.level) for s in parsed.sections] == [("A", 1), ("B", 2)]
    assert parsed.text == "A\n\nx\n\nB\n\ny"


def test_title_and_language_become_metadata() -> None:
    parsed = parse_html("<html lang='ru-RU'><head><title> The\n page </title></head><p>x</p>")
    assert dict(parsed.metadata) == {"title": "The page", "lang": "ru"}


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        (b'<meta charset="windows-1251">', "windows-1251"),
        (b'<meta http-equiv=x content="text/html; charset=koi8-r">', "koi8-r"),
        (b"<?xml version='1.0' encoding='iso-8859-5'?>", "iso-8859-5"),
        (b"<p>no charset", None),
    ],
)
def test_the_declared_charset_is_found(data: bytes, charset: str | None) -> None:
    assert declared_charset(data) == charset


@pytest.mark.parametrize(
    "source",
    ["<div>" * 100_000, "<ul><li>" * 50_000, "<b><div>" * 20_000, "<table><tr><td>" * 20_000],
)
def test_deep_nesting_is_an_error_in_bounded_time(source: str) -> None:
    with pytest.raises(DocumentError, match="HTML elements are nested more than 2,000 deep"):
        text_of(source)


def test_a_tag_with_thousands_of_attributes_is_an_error() -> None:
    with pytest.raises(DocumentError, match="more than 2,000 attributes"):
        text_of("<p " + " ".join(f"a{i}=1" for i in range(30_000)) + ">x</p>")


def test_a_long_embedded_image_is_no_error() -> None:
    assert text_of(f"<p>a<img src='data:image/png;base64,{'A' * 200_000}'>b</p>") == "ab"


def test_nesting_within_the_limit_is_read() -> None:
    assert text_of("<div>" * 1_500 + "x" + "</div>" * 1_500) == "x"


@settings(max_examples=200, deadline=None)
@given(st.text("<>/abp divultrh1=\"'& \n", max_size=300))
def test_any_text_is_parsed(source: str) -> None:
    parsed = parse_html(source)
    edges = [edge for span in parsed.blocks for edge in (span.start, span.end)]
    assert edges == sorted(edges)


words = st.text("абвгдabcde", min_size=2, max_size=8)
inner = st.one_of(
    words.map("<p>{}</p>".format), words.map("<h2>{}</h2>".format), words, words.map("<li>{}</li>".format)
)
tree = st.recursive(
    inner,
    lambda kids: st.tuples(
        st.sampled_from(
            ["div", "ul", "section", "blockquote", "table><tr><td", "b", "article", "dl><dd", "aside"]
        ),
        st.lists(kids, max_size=3),
    ).map(lambda t: f"<{t[0]}>{''.join(t[1])}"),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(tree, min_size=1, max_size=4))
def test_no_visible_word_is_lost_on_a_page_without_main_or_article(parts: list[str]) -> None:
    source = "".join(parts).replace("<article", "<div")
    text = parse_html(source).text
    wanted = "".join(c for c in "".join(parts) if "а" <= c <= "я")
    assert sorted(wanted) == sorted(c for c in text if "а" <= c <= "я")
