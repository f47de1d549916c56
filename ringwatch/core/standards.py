"""The service standard: ring cadences, thresholds, when it holds, and which direct lines have a name.

Rules of this module:

* A ring is one period of the country's cadence. ``rings = 1 + floor(ringing seconds / period)``, so the fourth
  ring starts when three whole periods have passed. A phone that never reported ringing has rung 0 times.
* Cadences come from Asterisk's ``indications.conf`` (origin: ITU-T E.180 supplement 2). Published lists differ for
  ro, ru, nl and es, therefore every country and every queue can be given its own.
* Nothing here reads a file or a clock: the configuration builds these records, the engine only looks things up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from ringwatch.core.facts import Outcome
from ringwatch.core.hours import OpeningHours
from ringwatch.core.readings import Hours

# On and off times in milliseconds, in turn; the sum is the period of one ring.
CADENCES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "de": (1000, 4000),
        "es": (1500, 3000),
        "fr": (1500, 3500),
        "it": (1000, 4000),
        "nl": (1000, 4000),
        "pl": (1000, 4000),
        "ro": (1850, 4150),
        "ru": (1000, 4000),
        "uk": (400, 200, 400, 2000),
        "us": (2000, 4000),
    }
)


@dataclass(frozen=True, slots=True)
class Standard:
    """What one queue or line promises its callers.

    ``cadence_ms`` is on/off in milliseconds; ``rings`` is the last ring that is still in time,
    for at least the share ``third_ring_share`` of callers;
    ``short_abandon_seconds`` is the wait below which a caller who hung up is not held against the desk;
    ``lines_waiting`` is the number of waiting callers from which a talk counts as under pressure;
    ``hold_limit_seconds`` is how long a caller may be left alone;
    ``talk_target_seconds`` and ``talk_limit_seconds`` are how long a talk should last at most, and how long it may;
    ``hops`` and ``bounces`` are how often a caller may be handed on, and come back to where they were;
    ``wrapup_seconds`` is the queue's ``wrapuptime`` in queues.conf, which AMI does not tell;
    a queue is staffed for the share ``service_level`` of callers answered within ``service_level_seconds`` by agents no
    busier than ``max_occupancy``, by what was seen in the last ``staffing_window_seconds``;
    ``load_gini`` is how unevenly the work in that window may be spread;
    ``reach_angry`` and ``reach_happy`` are how many people hear of it from a caller out of standard, or in it;
    ``unbroken_limit_seconds`` is how long an agent may work without a break, a rest of ``break_min_seconds``: since an
    agent is one over all queues, what a break is, is for the general standard alone to say;
    ``callback_seconds`` is the time in which a caller whom nobody answered is to be called back.
    """

    cadence_ms: tuple[int, ...] = CADENCES["nl"]
    rings: int = 3
    short_abandon_seconds: float = 5.0
    lines_waiting: int = 3
    wrapup_seconds: float = 0.0
    hold_limit_seconds: float = 30.0
    talk_target_seconds: float = 600.0
    talk_limit_seconds: float = 900.0
    hops: int = 1
    bounces: int = 0
    service_level: float = 0.8
    service_level_seconds: float = 20.0
    max_occupancy: float = 0.85
    staffing_window_seconds: float = 1800.0
    load_gini: float = 0.35
    reach_angry: float = 11.0
    reach_happy: float = 3.5
    unbroken_limit_seconds: float = 7200.0
    break_min_seconds: float = 300.0
    third_ring_share: float = 0.9
    callback_seconds: float = 259_200.0

    @property
    def ring_period(self) -> float:
        """Length of one ring in seconds: the uk's two short tones are one ring of 3 s."""
        return sum(self.cadence_ms) / 1000

    def rings_in(self, seconds: float) -> int:
        """Count the rings heard in ``seconds`` of ringing; 0 when nothing rang."""
        # Half a microsecond absorbs the binary rounding of two six-decimal timestamps: 15.0 s start ring 4 in nl.
        return 1 + int((seconds + 5e-7) // self.ring_period) if seconds > 0 else 0

    def presses(self, lines_waiting: int) -> bool:
        """Tell whether so many waiting callers put a talk under pressure."""
        return lines_waiting >= self.lines_waiting

    def judged(self, outcome: Outcome, wait_seconds: float) -> Outcome:
        """Tell apart who hung up too soon to be held against the desk."""
        short = outcome == "abandoned" and wait_seconds < self.short_abandon_seconds
        return "short_abandoned" if short else outcome

    def in_time(self, rings: int, *, answered: bool) -> bool | None:
        """Apply the third-ring rule: in time, missed, or (lost before the limit) counted neither way."""
        if answered:
            return rings <= self.rings
        return False if rings > self.rings else None


@dataclass(frozen=True, slots=True)
class Line:
    """A direct line (no queue) that has a name of its own in facts and metrics."""

    name: str
    extensions: tuple[str, ...]
    contexts: tuple[str, ...] = ()

    def covers(self, exten: str, context: str) -> bool:
        """Tell whether a call that entered the dialplan at ``exten`` in ``context`` is for this line."""
        if self.contexts and context not in self.contexts:
            return False
        return any(extension_matches(pattern, exten) for pattern in self.extensions)


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything the engine must be told about one PBX: standards and opening hours by queue or line, lines, trunks.

    ``trunks`` are channel prefixes (``PJSIP/trunk``) through which outside callers come and go. When none are
    given, a device counts as the desk's own once a queue names it as a member. ``opening`` holds the hours of the
    queues and lines that have their own. ``alerts`` holds what differs from the defaults (fields of `rules.Rule`), by
    queue or line, and for all others by "", by the alert's key in `ringwatch.core.alerts`.
    """

    default: Standard = field(default_factory=Standard)
    standards: Mapping[str, Standard] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()
    trunks: tuple[str, ...] = ()
    default_hours: OpeningHours = field(default_factory=OpeningHours)
    opening: Mapping[str, OpeningHours] = field(default_factory=dict)
    alerts: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)

    def standard(self, queue: str) -> Standard:
        """Return the standard of a queue or line by name."""
        return self.standards.get(queue, self.default)

    def hours(self, queue: str) -> OpeningHours:
        """Return the opening hours of a queue or line by name."""
        return self.opening.get(queue, self.default_hours)

    def hours_at(self, queue: str, at: float) -> Hours:
        """Say whether a queue or line is open at a moment, as the facts do."""
        return "open" if self.hours(queue).is_open(at) else "closed"

    def hours_told(self, queue: str) -> tuple[Hours, ...]:
        """Return all that can be said of a queue's or line's hours: without a plan it is never closed."""
        return ("open", "closed") if self.hours(queue).is_planned else ("open",)

    @property
    def line_names(self) -> list[str]:
        """Return the names of the direct lines, `DIRECT` for those without one included."""
        return [*(line.name for line in self.lines), DIRECT]

    def line(self, exten: str, context: str) -> str:
        """Return the name of the direct line that covers an extension; ``direct`` when none does."""
        for line in self.lines:
            if line.covers(exten, context):
                return line.name
        return DIRECT


DIRECT = "direct"

_RANGES = re.compile("(.)-(.)|(.)", re.DOTALL)
_PATTERN_CLASSES = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", ".": ".+", "!": ".*"}


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    rest = pattern[1:]
    while rest:
        head, rest = rest[0], rest[1:]
        if head == "[":
            body, closed, rest = rest.partition("]")
            if not closed or not body:
                message = f"'[' without ']' in the dial pattern {pattern!r}"
                raise ValueError(message)
            parts.append(_one_of(body))
        elif head != "-":  # a dash is only there for the reader, as in Asterisk (pbx.c, ext_cmp)
            parts.append(_PATTERN_CLASSES.get(head.upper(), re.escape(head)))
    return re.compile("".join(parts))


def _one_of(body: str) -> str:
    # Spelt out: in Asterisk a range that runs backwards holds nothing, to `re` it is an error.
    ranges = [(first or one, last or one) for first, last, one in _RANGES.findall(body)]
    letters = {chr(code) for first, last in ranges for code in range(ord(first), ord(last) + 1)}
    return f"[{re.escape(''.join(sorted(letters)))}]" if letters else "(?!)"


def extension_matches(pattern: str, exten: str) -> bool:
    """Match an extension as Asterisk does: ``_`` starts a pattern of ``X Z N [..] . !``, else letter by letter.

    :raises ValueError: a pattern with an opening bracket that is never closed.
    """
    if pattern.startswith("_"):
        return _pattern(pattern).fullmatch(exten) is not None
    return pattern == exten
