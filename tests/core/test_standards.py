"""Rings by country, the third-ring rule, lines and dial patterns."""

from __future__ import annotations

import pytest

from ringwatch.core.standards import CADENCES, DIRECT, Line, Policy, Standard, extension_matches

PERIODS = {"de": 5.0, "es": 4.5, "fr": 5.0, "it": 5.0, "nl": 5.0, "pl": 5.0, "ro": 6.0, "ru": 5.0, "uk": 3.0, "us": 6.0}


@pytest.mark.parametrize("country", CADENCES)
def test_a_ring_lasts_as_long_as_the_countrys_tones_and_silences(country: str) -> None:
    """Ro: 1.85 s of tone and 4.15 s of silence are 6 s; uk: 0.4 + 0.2 + 0.4 + 2 = 3 s, two short tones are one ring."""
    assert Standard(CADENCES[country]).ring_period == PERIODS[country]


@pytest.mark.parametrize(
    ("seconds", "rings"),
    [(0.0, 0), (-1.0, 0), (0.001, 1), (4.999, 1), (5.0, 2), (9.999, 2), (10.0, 3), (14.999, 3), (15.0, 4), (60.0, 13)],
)
def test_rings_are_counted_from_their_beginning(seconds: float, rings: int) -> None:
    """Nl, a ring each 5 s, at 0, 5, 10 and 15 s: 14.999 s are within the third, at 15 s the fourth begins.

    60 s are 12 whole rings and the beginning of the thirteenth.
    """
    assert Standard().rings_in(seconds) == rings


@pytest.mark.parametrize("country", CADENCES)
def test_three_whole_rings_are_one_too_many(country: str) -> None:
    """1 + floor(3 periods / period) = 4: who answers at that moment answers on the fourth ring, in every country."""
    standard = Standard(CADENCES[country])
    assert standard.rings_in(3 * PERIODS[country]) == 4
    assert standard.rings_in(3 * PERIODS[country] - 0.001) == 3


def test_the_rounding_of_timestamps_takes_no_ring_away() -> None:
    """Three rings of 4.999 s are 14.997 s; read off two stamps of six decimals they may be 0.2 microseconds less."""
    standard = Standard((1000, 3999))
    starts = [round(1795276750 + n / 997, 6) for n in range(1000)]
    measured = [round(start + 14.997, 6) - start for start in starts]
    assert min(measured) < 14.997 < max(measured)
    assert {standard.rings_in(seconds) for seconds in measured} == {4}


@pytest.mark.parametrize(
    ("rings", "answered", "in_time"),
    [
        (0, True, True),
        (1, True, True),
        (3, True, True),
        (4, True, False),
        (0, False, None),
        (3, False, None),
        (4, False, False),
    ],
)
def test_the_third_ring_rule(rings: int, answered: bool, in_time: bool | None) -> None:  # noqa: FBT001 - a column
    """Answered up to the third ring is in time, later is not; lost later is missed, lost earlier counts neither way."""
    assert Standard().in_time(rings, answered=answered) is in_time


def test_another_desk_may_promise_another_ring() -> None:
    """A standard of five rings: the fifth is in time, the sixth is not."""
    standard = Standard(rings=5)
    assert standard.in_time(5, answered=True) is True
    assert standard.in_time(6, answered=True) is False


def test_every_queue_may_have_a_standard_of_its_own() -> None:
    """A queue or line without one gets the default."""
    own, default = Standard(rings=2), Standard(rings=4)
    policy = Policy(default=default, standards={"support": own})
    assert policy.standard("support") is own
    assert policy.standard("sales") is default


def test_a_line_is_named_by_the_extension_called() -> None:
    """The first line that covers the extension names the call; `direct` is for all others."""
    policy = Policy(lines=(Line("desk", ("3001", "_310X")), Line("all", ("_3XXX",), ("from-trunk",))))
    assert policy.line("3001", "anywhere") == "desk"
    assert policy.line("3107", "anywhere") == "desk"
    assert policy.line("3200", "from-trunk") == "all"
    assert policy.line("3200", "internal") == DIRECT
    assert policy.line("4000", "from-trunk") == DIRECT
    assert policy.line_names == ["desk", "all", DIRECT]


@pytest.mark.parametrize(
    ("pattern", "exten", "matches"),
    [
        ("3001", "3001", True),
        ("3001", "30012", False),
        ("3X", "3X", True),
        ("3X", "31", False),
        ("_3X", "31", True),
        ("_3x", "31", True),
        ("_3X", "3", False),
        ("_3X", "3a", False),
        ("_Z", "1", True),
        ("_z", "0", False),
        ("_N", "2", True),
        ("_n", "1", False),
        ("_3.", "3", False),
        ("_3.", "3123", True),
        ("_3!", "3", True),
        ("_3!", "3123", True),
        ("_3-1-X", "319", True),
        ("_+31X", "+315", True),
        ("_*4#", "*4#", True),
        ("_[13-5]X", "35", True),
        ("_[13-5]X", "45", True),
        ("_[13-5]X", "25", False),
        ("_[5-]", "-", True),
        ("_[^1]", "^", True),
        ("_[^1]", "2", False),
        (r"_[\d]", "5", False),
        ("_[a&&b~~c]", "&", True),
    ],
)
def test_extensions_match_as_in_the_dialplan(pattern: str, exten: str, matches: bool) -> None:  # noqa: FBT001 - a column
    """X, Z, N, brackets, full stop and exclamation mark mean what they mean in extensions.conf; nothing else does."""
    assert extension_matches(pattern, exten) is matches


def test_a_range_that_runs_backwards_holds_nothing() -> None:
    """Asterisk takes [9-1] and never matches it; it must not stop the monitor on the first call either."""
    assert not any(extension_matches("_[9-1]X", f"{number}") for number in range(100))


@pytest.mark.parametrize("pattern", ["_3[1-5", "_3[", "_3[]"])
def test_a_bracket_must_be_closed(pattern: str) -> None:
    """The configuration refuses such a pattern; whoever builds a line himself hears of it here."""
    with pytest.raises(ValueError, match="without ']'"):
        extension_matches(pattern, "31")


@pytest.mark.parametrize(("lines", "pressed"), [(0, False), (2, False), (3, True), (9, True)])
def test_a_talk_is_pressed_from_the_number_of_waiting_callers_on(lines: int, *, pressed: bool) -> None:
    """Three by the standard's own words: three more lines blink."""
    assert Standard().presses(lines) is pressed
