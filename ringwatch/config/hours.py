"""Checks of opening hours: time zones, weeks, public holidays and one-off days, from text to what the core asks.

Rules:

* Times are of 24 hours, on the desk's own clock. Hours whose end is not after their beginning go on past midnight.
* In a week, a day named alone beats a range of days; a day not named is closed.
* The package of public holidays takes a tenth of a second to load: only a configuration that names a country does.
"""

import re
import zoneinfo
from collections.abc import Container, Mapping
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, PlainValidator

from ringwatch.config.checks import did_you_mean, refuse, text_of
from ringwatch.core.hours import MIDNIGHT, Span, Spans

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOSED = "closed"
NO_HOLIDAYS = "none"
LONGEST_CLOSURE_DAYS = 366

_SPAN = re.compile(r"(\d\d?):(\d\d) ?- ?(\d\d?):(\d\d)", re.ASCII)
# Of this century: further days are slips, and the core looks through every day up to the last one named.
_DATE = re.compile(r"20\d\d-\d\d-\d\d", re.ASCII)
_HOURS_REMEDY = 'give hours as in "09:00-17:30", "22:00-06:00" past midnight'
_WEEK_REMEDY = 'write week = { mon-fri = "09:00-17:30", sat = "closed" }'


class OneOff(NamedTuple):
    """Days that differ from the week, whole where there is no ``span``; a span is of one day."""

    first: date
    last: date
    span: Span | None


@cache
def public_holidays(place: str) -> Container[date]:
    """Return the public holidays of a country or of a region, as in "NL" or "DE-BY"; each year is worked out on demand.

    The place is one that `Holidays` has let pass.
    """
    import holidays  # noqa: PLC0415 - rule 3

    country, _, region = place.partition("-")
    return holidays.country_holidays(country, subdiv=region or None)


def _zone(value: object) -> zoneinfo.ZoneInfo:
    name = text_of(value)
    try:
        zone = zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # No such file, a name that leads out of the directory, and a directory.
        meant = did_you_mean(name, zoneinfo.available_timezones())
        hint = f'did you mean "{meant}"? ' if meant else ""
        refuse("not a time zone", f'{hint}give a name of the IANA list, as in "Europe/Amsterdam"')
    return zone


def _span(text: str) -> Span:
    if (match := _SPAN.fullmatch(text)) is None:
        refuse(f'"{text}" is not from one time to another', _HOURS_REMEDY)
    hour, minute, end_hour, end_minute = map(int, match.groups())
    begin, end = hour * 60 + minute, end_hour * 60 + end_minute
    if max(minute, end_minute) > 59 or begin >= MIDNIGHT or end > MIDNIGHT:  # noqa: PLR2004 - an hour's last minute
        refuse(f'"{text}" holds a time that no clock shows', "give times from 00:00, at the end up to 24:00")
    if begin == end:
        refuse(f'"{text}" ends when it begins', "the whole day is 00:00-24:00")
    return begin, end if end > begin else end + MIDNIGHT


def _written(span: Span) -> str:
    begin, end = span
    end -= MIDNIGHT if end > MIDNIGHT else 0
    return f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"


def _spans(value: object) -> Spans:
    if value == CLOSED:
        return ()
    spans = sorted(_span(text_of(each)) for each in (value if isinstance(value, list) else [value]))
    for one, other in pairwise(spans):
        if other[0] < one[1]:
            refuse(f"{_written(one)} and {_written(other)} overlap", "let one end before the next begins, or join them")
    return tuple(spans)


def _days(key: object) -> str:
    text = str(key)
    if not all(part in DAYS for part in text.split("-", 1)):
        refuse("not a day of the week", f"give one of {', '.join(DAYS)}, or a range of them, as in mon-fri")
    return text


def _named(key: str) -> tuple[str, ...]:
    first, _, last = key.partition("-")
    begin, end = DAYS.index(first), DAYS.index(last or first)
    return DAYS[begin : end + 1] if begin <= end else DAYS[begin:] + DAYS[: end + 1]


def _whole_week(table: Mapping[str, Spans]) -> Mapping[str, Spans]:
    """Return the spans of every day by itself."""
    if not table:
        refuse("no day in it", _WEEK_REMEDY)
    week: dict[str, Spans] = {}
    for key in sorted(table, key=lambda key: "-" not in key):
        for day in _named(key):
            if "-" in key and day in week:
                refuse(f"{day} is in two ranges", "name each day in one; a day named alone beats a range")
            week[day] = table[key]
    week = {day: week.get(day, ()) for day in DAYS}
    for day, following in zip(DAYS, (*DAYS[1:], DAYS[0]), strict=True):
        if week[day] and week[following] and week[day][-1][1] - MIDNIGHT > week[following][0][0]:
            refuse(
                f"{_written(week[day][-1])} of {day} goes on into {_written(week[following][0])} of {following}",
                "let one end before the next begins",
            )
    return week


def _a_week(value: object) -> object:
    if not isinstance(value, dict):
        refuse("not a table of days", _WEEK_REMEDY)
    return value


def _holidays(value: object) -> str:
    place = text_of(value)
    if place == NO_HOLIDAYS:
        return place
    import holidays  # noqa: PLC0415 - rule 3

    known = holidays.list_supported_countries()
    country, dash, region = place.partition("-")
    if country not in known:
        meant = did_you_mean(country, known)
        hint = f'did you mean "{meant}"? ' if meant else ""
        refuse("no country whose holidays are known", f'{hint}give its code, as in "NL" or "DE-BY", or "{NO_HOLIDAYS}"')
    if dash and region not in known[country]:
        regions = ", ".join(known[country])
        refuse(
            f"no region of {country}",
            f"give one of {regions} after {country}-" if regions else f'give "{country}" alone',
        )
    return place


def _date(text: str) -> date:
    if not _DATE.fullmatch(text):
        refuse(f'"{text}" is not a day', 'give "2026-12-24", "2026-12-24 to 2027-01-01", or "2026-12-31 12:00-24:00"')
    try:
        return date.fromisoformat(text)
    except ValueError:
        refuse(f"there is no {text}", "give a day that the calendar has")


def _closure(value: object) -> OneOff:
    match text_of(value).split():
        case [first, "to", last]:
            one_off = OneOff(_date(first), _date(last), None)
        case words:
            day, hours = _date(words[0]), " ".join(words[1:])
            one_off = OneOff(day, day, _span(hours) if hours else None)
    if one_off.last < one_off.first:
        refuse("ends before it begins", "give the first day first")
    if (one_off.last - one_off.first).days > LONGEST_CLOSURE_DAYS:
        refuse("longer than a year", "see whether the years are right")
    return one_off


def _opening(value: object) -> OneOff:
    one_off = _closure(value)
    if one_off.span is None:
        refuse("an opening without its hours", 'give one day and its hours, as in "2026-11-29 12:00-17:00"')
    return one_off


Zone = Annotated[zoneinfo.ZoneInfo, PlainValidator(_zone), PlainSerializer(str)]
Week = Annotated[
    Mapping[Annotated[str, PlainValidator(_days)], Annotated[Spans, PlainValidator(_spans)]],
    BeforeValidator(_a_week),
    AfterValidator(_whole_week),
    PlainSerializer(dict),
]
Holidays = Annotated[str, PlainValidator(_holidays)]
Closure = Annotated[OneOff, PlainValidator(_closure), PlainSerializer(list)]
Opening = Annotated[OneOff, PlainValidator(_opening), PlainSerializer(list)]
