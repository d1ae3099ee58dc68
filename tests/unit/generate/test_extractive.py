"""An answer made of the documents' own sentences."""

from __future__ import annotations

from dataclasses import replace

from ragkit.generate.extractive import ExtractiveGenerate
from ragkit.text.sentences import sentence_spans
from ragkit.types import Answer, Chunk, Context, Hit, Passage, QueryPlan, Span
from ragkit.verify.citations import VerifyCitations
from tests.unit.making import chunk, context, run_context
from tests.unit.stand_ins import WordsOnly

WARRANTY = chunk(
    "a",
    "Warranty\n\nThe warranty of a scanner lasts 24 months. It starts on the day of delivery. "
    "Batteries have a warranty of 6 months.",
    start=300,
    document_id="warranty",
    heading="Warranty",
)
LUNCH = chunk("b", "Lunch is served at noon. The kitchen closes at two.", document_id="kitchen")
RUSSIAN = chunk(
    "c", "Срок гарантии на терминал составляет 24 месяца. Обед подают в полдень.", document_id="garantia"
)


def ask(question: str, *chunks: Chunk, **settings: object) -> Answer:
    stage = ExtractiveGenerate(**settings)
    stage.setup(WordsOnly())
    return stage.run(context(question, *chunks), run_context())


def test_the_sentence_that_answers_comes_with_its_place() -> None:
    answer = ask("How long is the warranty of a scanner?", LUNCH, WARRANTY, max_sentences=1)
    assert answer.text == "The warranty of a scanner lasts 24 months. [1]"
    (citation,) = answer.citations
    assert (citation.document_id, citation.quote) == (
        "warranty",
        "The warranty of a scanner lasts 24 months.",
    )
    assert WARRANTY.text[citation.start - 300 : citation.end - 300] == citation.quote
    assert answer.generator == "generate/extractive"


def test_russian_words_meet_in_other_forms() -> None:
    answer = ask("Какова гарантия на терминалы?", LUNCH, RUSSIAN, max_sentences=1)
    assert answer.citations[0].quote == "Срок гарантии на терминал составляет 24 месяца."


def test_a_question_the_passages_do_not_touch_is_an_abstention() -> None:
    answer = ask("Who painted the Sistine Chapel?", LUNCH, WARRANTY)
    assert (answer.abstained, answer.reason, answer.citations) == (True, "no_evidence", ())
    assert answer.text == "The documents do not answer this question."


def test_an_abstention_speaks_the_language_of_the_question() -> None:
    assert ask("Кто расписал Сикстинскую капеллу?", LUNCH).text == "В документах нет ответа на этот вопрос."


def test_without_passages_the_reason_depends_on_whether_there_are_documents() -> None:
    stage = ExtractiveGenerate()
    stage.setup(WordsOnly())
    for commit, reason in ((0, "no_documents"), (7, "no_evidence")):
        plan = replace(QueryPlan.of("How long is the warranty?"), commit=commit)
        assert stage.run(Context(plan, ()), run_context()).reason == reason


def test_words_of_asking_do_not_count_as_content() -> None:
    assert "24 months" in ask("How long is the warranty?", LUNCH, WARRANTY).text


def test_a_language_without_blanks_can_be_quoted() -> None:
    page = chunk("d", "保修期为二十四个月。午餐在中午供应。", document_id="zh")
    assert (
        ask("保修期是多久？", page, min_support=0.1, max_sentences=1).citations[0].quote
        == "保修期为二十四个月。"
    )


def test_the_header_row_of_a_table_is_no_answer() -> None:
    table = chunk("e", "Product | Warranty\nProduct: Wick | Warranty: 24 months", document_id="table")
    answer = ask("Product warranty", table, max_sentences=5, keep_ratio=0.0)
    assert [c.quote for c in answer.citations] == ["Product: Wick | Warranty: 24 months"]


def test_headings_are_not_quoted() -> None:
    answer = ask("warranty scanner", WARRANTY, max_sentences=5, keep_ratio=0.0)
    assert "Warranty" not in [citation.quote for citation in answer.citations]


def test_sentences_stand_in_reading_order() -> None:
    answer = ask("warranty of a scanner and of batteries", WARRANTY, max_sentences=3, keep_ratio=0.1)
    starts = [citation.start for citation in answer.citations]
    assert starts == sorted(starts)


def test_every_citation_is_the_text_at_its_place() -> None:
    by_id = {c.id: c for c in (WARRANTY, LUNCH, RUSSIAN)}
    answer = ask("warranty lunch гарантия", *by_id.values(), max_sentences=9, keep_ratio=0.0, min_support=0.0)
    assert len(answer.citations) > 2
    for citation in answer.citations:
        source = by_id[citation.chunk_id]
        assert (
            source.text[citation.start - source.span.start : citation.end - source.span.start]
            == citation.quote
        )


def test_a_footnote_of_the_document_does_not_pass_for_a_marker() -> None:
    page = chunk("a", "The warranty of the scanner lasts 24 months [2] by law[17].")
    answer = ask("warranty of the scanner", page)
    assert answer.text == "The warranty of the scanner lasts 24 months (2) by law(17). [1]"
    assert answer.citations[0].quote == page.text
    assert VerifyCitations().run(answer, run_context()) == answer


def test_a_list_of_which_compression_left_items_out_is_not_quoted_across_the_gap() -> None:
    text = "The warranty of the scanner covers:\n\n- the display of it\n- the case of it\n- the battery of it"
    page = chunk("a", text)
    lead, display, _, battery = sentence_spans(text)
    for keep, quoted in (
        ((lead, battery), "The warranty of the scanner covers:"),
        ((Span(lead.start, display.end), battery), text[: display.end]),
    ):
        plan = QueryPlan.of("What does the warranty of the scanner cover?")
        stage = ExtractiveGenerate(max_sentences=1)
        stage.setup(WordsOnly())
        answer = stage.run(Context(plan, (Passage(Hit(page, 1.0), keep),)), run_context())
        assert [c.quote for c in answer.citations] == [quoted]
        assert VerifyCitations().run(answer, run_context()) == answer
