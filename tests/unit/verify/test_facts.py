"""What of a sentence its evidence does not bear out, and what is only said in other words."""

from __future__ import annotations

import pytest

from ragkit.verify.facts import Material, problems


def kinds(said: str, *evidence: str) -> list[str]:
    return [problem.kind for problem in problems(said, Material(evidence, evidence))]


@pytest.mark.parametrize(
    ("said", "evidence"),
    [
        ("It takes two years.", "It takes 24 months."),
        ("It takes 90 minutes.", "It takes 1.5 hours."),
        ("It costs 1000 roubles.", "Цена 1 тыс. рублей."),
        ("It fell by 12%.", "It fell by 12 percent."),
        ("It costs $5.", "The price is 5 USD."),
        ("It takes 10 days.", "It takes 10 working days."),
        ("It began on 12 March 2024.", "It began on 2024-03-12."),
        ("It began in March 2024.", "12.03.2024: it began."),
        ("Начало — 12 марта 2024 г.", "Начало: 12.03.2024."),
        ("It isn't sold.", "It is not sold."),
        ("It can't be changed.", "It cannot be changed."),
        ("It is not covered.", "It is excluded."),
        ("Утверждает Петров.", "Петрову надо утвердить."),
        ("It works for 21 days.", "It works without limit for 21 days."),
        ("It takes no more than 5 days.", "It takes up to 5 days."),
        ("Не более 5 дней.", "До 5 дней."),
        ("It says “up to 5 days”.", "It says “up to 5\u00a0days”."),
        ("1. It is 5 m wide.", "It is 5 m wide."),
        ("**It** is red.", "It is red."),
        ("Oльга одобрила.", "Oльга одобрила."),
    ],
)
def test_other_words_for_the_same_are_no_problem(said: str, evidence: str) -> None:
    assert kinds(said, evidence) == []


@pytest.mark.parametrize(
    ("said", "evidence", "kind"),
    [
        ("It takes three years.", "It takes 24 months.", "number"),
        ("It grew 12 %.", "It grew 87 %.", "number"),
        ("It takes 12 days.", "It takes 12 months.", "number"),
        ("It is 5 °C.", "It is -5 °C.", "number"),
        ("75 handhelds and 8 sites.", "8 handhelds and 75 sites.", "number"),
        ("За 3 дня.", "За 5 дней.", "number"),
        ("It began on 13 March 2024.", "It began on 2024-03-12.", "date"),
        ("Начало 2 мая.", "Начало 2 июня.", "date"),
        ("It is sold.", "It is not sold.", "negation"),
        ("It is not sold.", "It is sold.", "negation"),
        ("Гарантия не покрывает воду.", "Гарантия покрывает воду.", "negation"),
        ("Гарантия покрывает воду.", "Гарантия не покрывает воду.", "negation"),
        ("Pay after delivery.", "Pay before delivery.", "opposite"),
        ("Не менее 5 дней.", "Не более 5 дней.", "opposite"),
        ("It takes at least 5 days.", "It takes up to 5 days.", "opposite"),
        ("Это разрешено.", "Это запрещено.", "opposite"),
        ("Ask for Anna first.", "Ask for Olga first.", "name"),
        ("Set `max_size`.", "Set min_size.", "name"),
        ("It says “up to nine days”.", "It says up to 5 days.", "quote"),
        ("See https://a.example/x.", "See it.", "link"),
    ],
)
def test_what_is_otherwise_is_found(said: str, evidence: str, kind: str) -> None:
    assert kind in kinds(said, evidence)


def test_a_name_may_come_from_the_passage_around() -> None:
    material = Material(("It lasts two years.",), around="The Lantern handbook")
    assert problems("The product Lantern lasts two years.", material) == []
