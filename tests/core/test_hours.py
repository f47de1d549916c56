"""Opening hours: the week, days that differ, and the nights on which the clock is changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ringwatch.core.hours import ALWAYS, OpeningHours, Span, Spans
from ringwatch.core.standards import Policy
from tests.core.desk import Desk
from tests.core.told import one

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")

OFFICE: Spans = ((9 * 60, 17 * 60 + 30),)
# Some days before the clock is changed, in either direction, in one of the zones.
BEFORE_CHANGES = [date(2026, 3, 1), date(2026, 3, 20), date(2026, 4, 1), date(2026, 9, 27), date(2026, 10, 21)]

WEEK: tuple[Spans, ...] = (OFFICE,) * 5 + (((600, 960),), ())
"""Monday to Friday 09:00-17:30, Saturday 10:00-16:00."""


def at(wall: str, offset: str = "+02:00") -> float:
    """Return a moment of a clock, by default Amsterdam's in summer, in seconds since 1970."""
    return datetime.fromisoformat(f"{wall}{offset}").timestamp()


def span(text: str) -> Span:
    """Return hours as text in minutes; those that seem to end before they begin are past midnight."""
    begin, end = (int(shown[:2]) * 60 + int(shown[3:]) for shown in text.split("-"))
    return begin, end if end > begin else end + 24 * 60


def daily(*spans: str) -> tuple[Spans, ...]:
    """Return a week whose days are all alike."""
    return (tuple(span(each) for each in spans),) * 7


def changes(hours: OpeningHours, since: float, until: float) -> Iterator[float]:
    """Go from change to change."""
    while (change := hours.next_change(since)) is not None and change < until:
        yield change
        since = change


def local(hours: OpeningHours, day: str, days: int = 1) -> list[str]:
    """Return when a desk opens and closes from one midnight to another, as its own clock shows."""
    midnight = datetime.fromisoformat(day).replace(tzinfo=hours.zone)
    first, last = midnight.timestamp(), (midnight + timedelta(days=days)).timestamp()
    return [
        f"{'opens' if hours.is_open(change) else 'closes'} {datetime.fromtimestamp(change, hours.zone):%a %H:%M %z}"
        for change in changes(hours, first - 0.001, last)
    ]


class TestWeek:
    """The plan that every week follows."""

    def test_a_desk_of_which_nothing_is_said_is_always_open(self) -> None:
        """And never changes."""
        hours = OpeningHours()
        assert hours.is_open(0)
        assert hours.is_open(at("2026-07-01T03:00"))
        assert hours.next_change(at("2026-07-01T03:00")) is None

    def test_a_desk_is_open_from_the_first_second_and_closed_from_the_last(self) -> None:
        """Monday 6 July 2026, 09:00-17:30: 09:00:00 is open, 17:30:00 is not."""
        hours = OpeningHours(AMSTERDAM, WEEK)
        moments = [
            at(f"2026-07-06T{shown}") for shown in ("08:59:59.999999", "09:00:00", "17:29:59.999999", "17:30:00")
        ]
        assert [hours.is_open(moment) for moment in moments] == [False, True, True, False]

    def test_the_next_change_is_the_edge_ahead(self) -> None:
        """Each of the week, Saturday's own hours among them, and Sunday passed over; the edge itself looks further."""
        assert local(OpeningHours(AMSTERDAM, WEEK), "2026-07-09", days=5) == [
            "opens Thu 09:00 +0200",
            "closes Thu 17:30 +0200",
            "opens Fri 09:00 +0200",
            "closes Fri 17:30 +0200",
            "opens Sat 10:00 +0200",
            "closes Sat 16:00 +0200",
            "opens Mon 09:00 +0200",
            "closes Mon 17:30 +0200",
        ]

    def test_a_day_may_have_several_openings(self) -> None:
        """A desk that closes for lunch."""
        hours = OpeningHours(AMSTERDAM, daily("09:00-12:00", "13:00-17:00"))
        assert [line.split()[2] for line in local(hours, "2026-07-06")] == ["09:00", "12:00", "13:00", "17:00"]

    def test_openings_that_touch_are_one(self) -> None:
        """Nothing changes at 12:00, nor at midnight."""
        assert len(local(OpeningHours(AMSTERDAM, daily("09:00-12:00", "12:00-17:00")), "2026-07-06")) == 2
        assert OpeningHours(AMSTERDAM, ALWAYS).next_change(at("2026-07-06T12:00")) is None

    def test_an_opening_goes_on_past_midnight(self) -> None:
        """Friday's night shift ends on Saturday; Monday's before it was not worked."""
        week = (*((),) * 4, (span("22:00-06:00"),), (), ())
        hours = OpeningHours(AMSTERDAM, week)
        assert local(hours, "2026-07-06", days=7) == ["opens Fri 22:00 +0200", "closes Sat 06:00 +0200"]
        assert [hours.is_open(at(f"2026-07-{day}T05:59:59")) for day in ("10", "11", "12")] == [False, True, False]

    def test_the_past_may_be_asked_about(self) -> None:
        """A fact tells of a call that came before the one asked about last."""
        hours = OpeningHours(AMSTERDAM, WEEK)
        for shown, is_open in (("18:00", False), ("12:00", True), ("08:00", False), ("12:00", True), ("18:00", False)):
            assert hours.is_open(at(f"2026-07-06T{shown}")) is is_open

    def test_a_week_without_openings_never_changes(self) -> None:
        """A desk that is open by exception alone."""
        assert OpeningHours(AMSTERDAM, ((),) * 7).next_change(at("2026-07-06T12:00")) is None


class TestDaysThatDiffer:
    """Holidays, one-off closures and one-off openings."""

    @pytest.mark.parametrize("as_holiday", [True, False])
    def test_a_closed_day_takes_away_what_begins_on_it(self, *, as_holiday: bool) -> None:
        """Monday's night shift ends on the holiday, the holiday's own is not worked, nor its end on Wednesday."""
        tuesday, week = frozenset({date(2026, 7, 7)}), daily("10:00-12:00", "22:00-06:00")
        hours = (
            OpeningHours(AMSTERDAM, week, holidays=tuesday)
            if as_holiday
            else OpeningHours(AMSTERDAM, week, closed_days=tuesday)
        )
        assert local(hours, "2026-07-07", days=2) == [
            "closes Tue 06:00 +0200",
            "opens Wed 10:00 +0200",
            "closes Wed 12:00 +0200",
            "opens Wed 22:00 +0200",
        ]

    def test_a_holiday_closes_a_desk_that_is_always_open(self) -> None:
        """From midnight to midnight, and it is known months before."""
        hours = OpeningHours(AMSTERDAM, holidays={date(2026, 12, 25)})
        assert hours.next_change(at("2026-07-06T12:00")) == at("2026-12-25T00:00", "+01:00")
        assert local(hours, "2026-12-25", days=2) == ["closes Fri 00:00 +0100", "opens Sat 00:00 +0100"]

    def test_a_country_without_holidays_changes_nothing(self) -> None:
        """The search for one ends."""
        assert OpeningHours(AMSTERDAM, holidays=frozenset()).next_change(at("2026-07-06T12:00")) is None

    def test_a_closure_of_some_hours_takes_those_from_the_week(self) -> None:
        """Closed from noon on New Year's eve, past midnight, on top of a night shift."""
        hours = OpeningHours(AMSTERDAM, daily("08:00-04:00"), closed={date(2026, 12, 31): (span("12:00-01:00"),)})
        assert local(hours, "2026-12-31", days=2) == [
            "closes Thu 04:00 +0100",
            "opens Thu 08:00 +0100",
            "closes Thu 12:00 +0100",
            "opens Fri 01:00 +0100",
            "closes Fri 04:00 +0100",
            "opens Fri 08:00 +0100",
        ]

    def test_an_opening_beats_closures_holidays_and_the_week(self) -> None:
        """A Sunday that is a holiday and closed twice over, and a day longer than the week says."""
        sunday, monday = date(2026, 11, 29), date(2026, 11, 30)
        hours = OpeningHours(
            AMSTERDAM,
            WEEK,
            holidays={sunday},
            closed_days=frozenset({sunday}),
            closed={sunday: (span("00:00-24:00"),)},
            opened={sunday: (span("12:00-17:00"),), monday: (span("17:00-21:00"),)},
        )
        assert local(hours, "2026-11-29", days=2) == [
            "opens Sun 12:00 +0100",
            "closes Sun 17:00 +0100",
            "opens Mon 09:00 +0100",
            "closes Mon 21:00 +0100",
        ]

    def test_what_lies_months_ahead_is_found(self) -> None:
        """The one opening of a desk that is otherwise closed, and nothing after it."""
        hours = OpeningHours(AMSTERDAM, ((),) * 7, opened={date(2028, 2, 29): (span("12:00-13:00"),)})
        assert hours.next_change(at("2026-07-06T12:00")) == at("2028-02-29T12:00", "+01:00")
        assert hours.next_change(at("2028-02-29T12:30", "+01:00")) == at("2028-02-29T13:00", "+01:00")
        assert hours.next_change(at("2028-02-29T13:00", "+01:00")) is None


class TestChangesOfTheClock:
    """Amsterdam and New York move by an hour, Lord Howe by half of one, in the other half of the year."""

    @pytest.mark.parametrize(
        ("zone", "day", "hours"),
        [
            (AMSTERDAM, "2026-03-29", 23),
            (AMSTERDAM, "2026-10-25", 25),
            (NEW_YORK, "2026-03-08", 23),
            (NEW_YORK, "2026-11-01", 25),
            (LORD_HOWE, "2026-10-04", 23.5),
            (LORD_HOWE, "2026-04-05", 24.5),
        ],
    )
    def test_office_hours_are_as_long_as_ever_and_the_day_is_not(self, zone: ZoneInfo, day: str, hours: float) -> None:
        """09:00-17:00 is 8 h of every day; a plan of 24 h stays open through the night."""
        midnight = datetime.fromisoformat(day).replace(tzinfo=zone)
        first, last = midnight.timestamp(), (midnight + timedelta(days=1)).timestamp()
        assert last - first == hours * 3600
        opens, closes = changes(OpeningHours(zone, daily("09:00-17:00")), first, last)
        assert (closes - opens, datetime.fromtimestamp(opens, zone).hour) == (8 * 3600, 9)
        assert list(changes(OpeningHours(zone, daily("00:00-24:00")), first - 86400, last + 86400)) == []

    @pytest.mark.parametrize(
        ("zone", "day", "spans", "expected"),
        [
            # 02:00 becomes 03:00: a start within goes to its end, an end within too, and what lies within is gone.
            (AMSTERDAM, "2026-03-29", ["02:30-06:00"], ["opens Sun 03:00 +0200", "closes Sun 06:00 +0200"]),
            (AMSTERDAM, "2026-03-29", ["01:00-02:30"], ["opens Sun 01:00 +0100", "closes Sun 03:00 +0200"]),
            (AMSTERDAM, "2026-03-29", ["02:00-03:00"], []),
            (NEW_YORK, "2026-03-08", ["02:30-06:00"], ["opens Sun 03:00 -0400", "closes Sun 06:00 -0400"]),
            (LORD_HOWE, "2026-10-04", ["02:15-06:00"], ["opens Sun 02:30 +1100", "closes Sun 06:00 +1100"]),
            # 03:00 becomes 02:00: the hour is open both times, as the clock on the wall shows.
            (AMSTERDAM, "2026-10-25", ["01:00-03:00"], ["opens Sun 01:00 +0200", "closes Sun 03:00 +0100"]),
            (AMSTERDAM, "2026-10-25", ["02:00-03:00"], ["opens Sun 02:00 +0200", "closes Sun 03:00 +0100"]),
            (NEW_YORK, "2026-11-01", ["01:00-02:00"], ["opens Sun 01:00 -0400", "closes Sun 02:00 -0500"]),
            (LORD_HOWE, "2026-04-05", ["01:30-02:00"], ["opens Sun 01:30 +1100", "closes Sun 02:00 +1030"]),
            (
                AMSTERDAM,
                "2026-10-25",
                ["02:15-02:45"],
                ["opens Sun 02:15 +0200", "closes Sun 02:45 +0200", "opens Sun 02:15 +0100", "closes Sun 02:45 +0100"],
            ),
            (
                AMSTERDAM,
                "2026-10-25",
                ["02:30-06:00"],
                ["opens Sun 02:30 +0200", "closes Sun 02:00 +0100", "opens Sun 02:30 +0100", "closes Sun 06:00 +0100"],
            ),
        ],
    )
    def test_the_clock_on_the_wall_decides(
        self, zone: ZoneInfo, day: str, spans: list[str], expected: list[str]
    ) -> None:
        """Worked out by hand from what the clock shows on the night of the change."""
        assert local(OpeningHours(zone, daily(*spans)), day) == expected

    def test_an_opening_that_the_change_swallows_comes_a_week_later(self) -> None:
        """Sundays 02:00-03:00: not on 29 March, when there is no such hour, but on 5 April."""
        hours = OpeningHours(AMSTERDAM, (*((),) * 6, (span("02:00-03:00"),)))
        assert hours.next_change(at("2026-03-22T03:00", "+01:00")) == at("2026-04-05T02:00")

    @settings(deadline=None)
    @given(
        zone=st.sampled_from(
            [AMSTERDAM, NEW_YORK, LORD_HOWE, ZoneInfo("Africa/Casablanca"), ZoneInfo("America/Havana")]
        ),
        start=st.dates(date(2024, 1, 1), date(2030, 1, 1)) | st.sampled_from(BEFORE_CHANGES),
        week=st.lists(
            st.lists(st.tuples(st.integers(0, 95), st.integers(1, 96)), max_size=3).map(
                lambda spans: tuple((15 * begin, 15 * (begin + length)) for begin, length in spans)
            ),
            min_size=7,
            max_size=7,
        ).map(tuple),
        odd=st.lists(
            st.tuples(st.integers(0, 13), st.integers(0, 3), st.integers(0, 95), st.integers(1, 96)), max_size=6
        ),
    )
    @example(zone=AMSTERDAM, start=date(2026, 3, 20), week=daily("02:30-06:00"), odd=[])
    @example(zone=NEW_YORK, start=date(2026, 10, 25), week=daily("01:15-01:30"), odd=[])
    @example(zone=LORD_HOWE, start=date(2026, 4, 1), week=daily("22:00-01:45"), odd=[])
    def test_every_change_is_told_and_nothing_else(
        self, zone: ZoneInfo, start: date, week: tuple[Spans, ...], odd: list[tuple[int, int, int, int]]
    ) -> None:
        """For a fortnight, by the quarter, open is what the wall's clock and calendar say, in any order."""
        holidays, closed_days = set[date](), set[date]()
        closed, opened = dict[date, Spans](), dict[date, Spans]()
        for ahead, kind, begin, length in odd:
            day, hours_of_it = start + timedelta(days=ahead), ((15 * begin, 15 * (begin + length)),)
            match kind:
                case 0:
                    holidays.add(day)
                case 1:
                    closed_days.add(day)
                case 2:
                    closed[day] = hours_of_it
                case _:
                    opened[day] = hours_of_it
        off = holidays | closed_days

        def as_the_wall_says(moment: float) -> bool:
            shown = datetime.fromtimestamp(moment, zone)
            verdict = False
            for told, means in (
                (lambda day: () if day in off else week[day.weekday()], True),
                (lambda day: closed.get(day, ()), False),
                (lambda day: opened.get(day, ()), True),
            ):
                for past in (0, 1):
                    minute = shown.hour * 60 + shown.minute + past * 24 * 60
                    if any(begin <= minute < end for begin, end in told(shown.date() - timedelta(days=past))):
                        verdict = means
            return verdict

        hours = OpeningHours(zone, week, holidays, frozenset(closed_days), closed, opened)
        first = datetime.combine(start, time(), UTC).timestamp()
        grid = [first + 900 * step for step in range(14 * 96)]
        told = [hours.is_open(moment) for moment in grid]
        assert told == [as_the_wall_says(moment) for moment in grid]
        assert [hours.is_open(moment + 899.9) for moment in reversed(grid)] == told[::-1]
        turned = [
            later
            for (later, now), before in zip(zip(grid[1:], told[1:], strict=True), told, strict=False)
            if now != before
        ]
        assert list(changes(hours, first, grid[-1] + 1)) == turned


class TestBrokenClocks:
    """A PBX may send any number as its time."""

    @pytest.mark.parametrize("moment", [-1e300, -1.0, 0.0, 4_102_444_800.0, 1e300])
    def test_no_time_is_too_far_away(self, moment: float) -> None:
        """It is answered as at the nearer end of 1970 to 2100; beyond, nothing changes any more."""
        hours = OpeningHours(AMSTERDAM, WEEK)
        assert not hours.is_open(moment)
        change = hours.next_change(moment)
        assert change is None if moment > 1 else change == at("1970-01-01T09:00", "+01:00")


def test_every_queue_and_line_has_hours() -> None:
    """Its own, or those of the desk; a desk of which nothing is said is always open."""
    office, always = OpeningHours(AMSTERDAM, WEEK), OpeningHours(AMSTERDAM)
    policy = Policy(default_hours=office, opening={"emergency": always})
    assert policy.hours("support") is policy.hours("direct") is office
    assert policy.hours("emergency") is always
    assert Policy().hours("support") == OpeningHours()


def test_what_is_always_open_is_never_told_to_be_closed() -> None:
    """A plan closes at some time; a clock, and one-off openings of what is open, do not."""
    office, always = OpeningHours(AMSTERDAM, WEEK), OpeningHours(AMSTERDAM, opened={date(2026, 11, 29): ((0, 60),)})
    policy = Policy(default_hours=office, opening={"emergency": always})
    assert policy.hours_told("support") == ("open", "closed")
    assert policy.hours_told("emergency") == ("open",)
    closing: list[dict[str, Any]] = [
        {"holidays": {date(2026, 12, 25)}},
        {"closed_days": frozenset({date(2026, 12, 24)})},
        {"closed": {date(2026, 12, 31): ((720, 1440),)}},
    ]
    assert all(OpeningHours(AMSTERDAM, **each).is_planned for each in closing)


SUNDAY = OpeningHours(week=((),) * 6 + (((0, 24 * 60),),))
CLOSES = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
"""The midnight at which a desk that is open on Sundays alone closes."""


def late_desk(seconds_before: float, policy: Policy) -> Desk:
    """Return a desk some seconds before midnight."""
    desk = Desk(policy)
    desk.at = CLOSES - seconds_before
    return desk


def test_a_visit_is_of_the_hours_in_which_it_began() -> None:
    """Who joins a second before closing is served, or lost, by an open desk, however late it is by then."""
    policy = Policy(default_hours=SUNDAY)
    told = late_desk(1, policy).caller("1").joins("support").after(30).hangs_up().told()
    assert (told.visit.hours, told.call.hours, one(told.offers).hours) == ("open", "open", "open")
    told = late_desk(0, policy).caller("1").joins("support").after(30).hangs_up().told()
    assert (told.visit.hours, told.call.hours, one(told.offers).hours) == ("closed", "closed", "closed")


def test_every_visit_of_a_call_has_the_hours_of_its_queue_and_moment() -> None:
    """The call itself those of the queue that it asked first, though that closed meanwhile."""
    policy = Policy(default_hours=SUNDAY, opening={"sales": OpeningHours()})
    caller = late_desk(10, policy).caller("1").joins("support").after(8).is_put_out("TIMEOUT")
    told = caller.after(4).joins("support").after(8).is_put_out("TIMEOUT").joins("sales").after(8).hangs_up().told()
    assert [visit.hours for visit in told.visits] == ["open", "closed", "open"]
    assert told.call.hours == "open"


def test_a_direct_call_has_the_hours_of_its_line_when_the_phones_are_called() -> None:
    """Not those of the menu before."""
    policy = Policy(opening={"direct": SUNDAY})
    told = late_desk(10, policy).caller("1").after(11).dials("PJSIP/101").after(9).hangs_up().told()
    assert (told.call.line, told.call.hours, one(told.offers).hours) == ("direct", "closed", "closed")
