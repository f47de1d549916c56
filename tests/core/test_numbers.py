"""Telephone numbers that are the same, and those that are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringwatch.core.numbers import number_key

DIGITS = st.text("0123456789", min_size=9, max_size=9)


@pytest.mark.parametrize(
    "written",
    ["0201000011", "+31201000011", "0031201000011", "90201000011", "201000011", "+31 (0)20 100-00.11", "020/1000011"],
)
def test_one_number_is_written_in_many_ways(written: str) -> None:
    """National, international, with a digit for an outside line, with what people write between the digits."""
    assert number_key(written) == "201000011"


def test_a_short_number_is_itself() -> None:
    """An extension is no part of a longer number, nor is one with a prefix the extension."""
    assert [number_key(each) for each in ("112", "0112", "01000011", "1000011")] == [
        "112",
        "0112",
        "01000011",
        "1000011",
    ]


@pytest.mark.parametrize(
    "written",
    [
        "",
        "0",
        "12",
        "anonymous",
        "<unknown>",
        "+",
        "anna",
        "anna101",
        "Name 3f2a91cc",
        "*98",
        "101#",
        "sip:101@pbx",
        "١٢٣",
    ],
)
def test_what_nobody_could_call_is_no_number(written: str) -> None:
    """Nothing, too little, a name, a pseudonym, a code of the dialplan, digits that no phone has."""
    assert number_key(written) is None


@given(DIGITS, st.text("0123456789+ ", max_size=6), st.text("0123456789 -", max_size=20))
def test_nothing_before_the_last_nine_digits_counts(last: str, before: str, other: str) -> None:
    """Whatever it is; and what is no number is none in any company."""
    assert number_key(before + last) == last
    assert number_key(f"{other}x{last}") is None
