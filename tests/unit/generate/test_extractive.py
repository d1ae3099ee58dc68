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


def test_a_question_the_passages_do_not_touch_is_out_of_scope() -> None:
    answer = ask("Who painted the Sistine Chapel?", LUNCH, WARRANTY)
    assert (answer.abstained, answer.reason, answer.citations) == (True, "out_of_scope", ())
    assert answer.text == "This question is not one that the documents are about."


def test_a_question_about_what_the_passages_speak_of_has_no_evidence() -> None:
    answer = ask("Who signs the warranty of a scanner?", WARRANTY, min_confidence=1.0)
    assert (answer.abstained, answer.reason) == (True, "no_evidence")


def test_an_abstention_speaks_the_language_of_the_question() -> None:
    answer = ask("Кто расписал Сикстинскую капеллу?", LUNCH)
    assert answer.text == "Этот вопрос не относится к тому, о чём говорят документы."


def test_confidence_is_higher_where_the_answer_is_there() -> None:
    sure, unsure = (ask("How long is the warranty of a scanner?", c).confidence for c in (WARRANTY, LUNCH))
    assert (sure or 0.0) > 0.5 > 0.1 > (unsure or 0.0)


def test_two_pages_that_state_different_values_of_one_thing_are_a_conflict() -> None:
    one = chunk("a", "The warranty of a scanner lasts 24 months.", document_id="one")
    other = chunk("b", "The warranty of a scanner lasts 36 months.", document_id="other")
    answer = ask("How long is the warranty of a scanner?", one, other)
    assert (answer.abstained, answer.reason) == (True, "conflicting")
    assert [s.citations[0].quote for s in answer.dropped] == [one.text, other.text]


def test_the_values_of_two_things_are_no_conflict() -> None:
    for text, heading in (
        ("The warranty of a printer lasts 36 months.", ""),
        ("The warranty of a scanner lasts 36 months.", "Version 2.8"),
        ("The warranty of a scanner lasts 24 months.", ""),
    ):
        one = chunk(
            "a", "The warranty of a scanner lasts 24 months.", heading="Version 3.2", document_id="one"
        )
        other = chunk("b", text, heading=heading or "Version 3.2", document_id="other")
        assert not ask("How long is the warranty of a scanner?", one, other).abstained


def test_the_short_answer_is_an_exact_place_within_a_citation() -> None:
    for question, page, short in (
        ("How long is the warranty of a scanner?", WARRANTY, "24 months"),
        ("Сколько длится срок гарантии на терминал?", RUSSIAN, "24 месяца"),
    ):
        answer = ask(question, LUNCH, page)
        assert answer.short is not None
        assert answer.short.quote == short == page.text[answer.short.start - page.span.start :][: len(short)]
        assert any(c.start <= answer.short.start and answer.short.end <= c.end for c in answer.citations)


def test_a_question_why_has_no_short_answer() -> None:
    page = chunk("a", "The warranty of a scanner lasts 24 months because its parts are strong.")
    answer = ask("Why does the warranty of a scanner last so long?", page, min_short=0.0)
    assert (answer.abstained, answer.short) == (False, None)


def test_steps_are_quoted_whole_where_it_is_asked_how() -> None:
    steps = ("1. Open the console.", "2. Switch the scanner on and pair it.", "3. Give it a name.")
    text = "\n".join(("To pair a scanner:\n", *steps, ""))
    page = chunk("a", text + "\nThe kitchen closes at two.")
    answer = ask("How do I pair a scanner?", page, max_sentences=1)
    assert answer.citations[0].quote == text.strip()
    assert answer.sentences[0].text.splitlines()[1] == "1. Open the console."
    assert VerifyCitations().run(answer, run_context()) == answer


def test_code_that_a_sentence_leads_to_comes_with_it() -> None:
    page = chunk(
        "a", "To see where the value of a setting came from, ask\n\n$ lanternctl config explain _port_"
    )
    answer = ask("Where did the value of a setting come from?", page, max_sentences=1, min_confidence=0.0)
    assert answer.citations[0].quote == page.text
    assert VerifyCitations().run(answer, run_context()) == answer


def test_a_connective_that_points_to_what_is_not_quoted_is_left_out() -> None:
    page = chunk("a", "Lunch is at noon. However, the warranty of a scanner lasts 24 months.")
    answer = ask("How long is the warranty of a scanner?", page, max_sentences=1)
    assert answer.sentences[0].text == "The warranty of a scanner lasts 24 months."
    assert answer.citations[0].quote == "the warranty of a scanner lasts 24 months."


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
        ask("保修期是多久？", page, min_confidence=0.1, max_sentences=1).citations[0].quote
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
    answer = ask(
        "warranty lunch гарантия", *by_id.values(), max_sentences=9, keep_ratio=0.0, min_confidence=0.0
    )
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
