"""What every evaluation of the filter language must answer, case by case."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from ragkit.fields import FieldSpec
from ragkit.filter_parser import parse_filter
from ragkit.filters import Filter
from ragkit.testing.data import FIELDS

_DOC: Mapping[str, Any] = {
    "lang": "ru",
    "tags": ["faq", "new"],
    "note": "see the FAQ",
    "year": 2024,
    "price": 2.0,
    "draft": False,
    "date": "2025-01-01T03:00:00+03:00",
}


class FilterChecks:
    """Subclass it and say how a filter is evaluated; `matches` of `ragkit.filters` passes by definition."""

    fields: Mapping[str, FieldSpec] = FIELDS

    @abstractmethod
    def holds(self, wanted: Filter, metadata: Mapping[str, Any]) -> bool:
        """Whether a document of this metadata satisfies the filter."""

    def says(self, raw: Mapping[str, Any], metadata: Mapping[str, Any] = _DOC) -> bool:
        """Whether the parsed filter holds."""
        wanted = parse_filter(raw, self.fields)
        assert wanted is not None, f"{raw} parsed to nothing"
        return self.holds(wanted, metadata)

    def test_a_missing_field_satisfies_no_comparison(self) -> None:
        """Neither eq nor ne, in nor not_in, nor any range holds where the field is missing."""
        comparisons: tuple[dict[str, Any], ...] = (
            {"eq": 1},
            {"ne": 1},
            {"in": [1]},
            {"not_in": [1]},
            {"gt": 0},
            {"lte": 9},
            {"not_in": []},
        )
        for raw in comparisons:
            assert not self.says({"year": raw}, {}), raw
            assert not self.says({"year": raw}, {"year": None}), raw

    def test_an_empty_list_is_a_missing_field(self) -> None:
        """`[]` satisfies no comparison and does not exist."""
        assert not self.says({"tags": {"ne": "x"}}, {"tags": []})
        assert not self.says({"tags": {"exists": True}}, {"tags": []})

    def test_not_is_the_exact_complement(self) -> None:
        """`not eq` holds where the field is missing."""
        assert self.says({"not": {"lang": "ru"}}, {})
        assert not self.says({"not": {"lang": "ru"}})

    def test_in_nothing_and_or_of_nothing_match_nothing(self) -> None:
        """An empty choice is not a missing choice."""
        assert not self.says({"lang": []})
        assert not self.says({"or": []})

    def test_a_list_satisfies_when_one_element_does(self) -> None:
        """eq and in look for one element; ne and not_in deny that there is one."""
        assert self.says({"tags": "faq"})
        assert self.says({"tags": ["x", "new"]})
        assert not self.says({"tags": {"ne": "faq"}})
        assert self.says({"tags": {"not_in": ["x"]}})

    def test_contains_is_an_element_of_a_list_and_a_part_of_a_text(self) -> None:
        """Case counts; half an element is not an element."""
        assert self.says({"tags": {"contains": "faq"}})
        assert not self.says({"tags": {"contains": "fa"}})
        assert self.says({"note": {"contains": "FAQ"}})
        assert not self.says({"note": {"contains": "faq"}})

    def test_instants_are_compared_not_spellings(self) -> None:
        """One instant in another zone is equal; a date without zone is UTC."""
        assert self.says({"date": "2025-01-01"})
        assert self.says({"date": {"gte": "2025-01-01T00:00:00Z", "lt": "2025-01-02"}})
        assert not self.says({"date": {"gt": "2025-01-01T01:00:00+01:00"}})

    def test_whole_and_fractional_numbers_compare_by_value(self) -> None:
        """2 equals 2.0, and a range over whole numbers takes a fraction."""
        assert self.says({"price": 2})
        assert self.says({"year": {"gt": 2023.5, "lt": 2024.5}})

    def test_false_is_not_missing_and_not_zero(self) -> None:
        """A boolean field that says false exists and equals false."""
        assert self.says({"draft": False})
        assert self.says({"draft": {"exists": True}})
        assert not self.says({"draft": True})

    def test_all_keys_hold_together(self) -> None:
        """Several keys, and several operators of one key, are joined by and."""
        assert self.says({"lang": "ru", "year": {"gte": 2024, "lte": 2024}})
        assert not self.says({"lang": "ru", "year": {"gte": 2024, "lt": 2024}})
