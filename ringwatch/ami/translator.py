"""Turns the AMI blocks of one stream into events, in order, and counts them.

Rules:

* A name without a translation is counted and left alone: most of a stream is of no use to a desk.
* A block that cannot be used becomes a `StreamFault`; translating never raises.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from ringwatch.ami.clock import StreamClock
from ringwatch.ami.framing import BANNER, OVERSIZED
from ringwatch.ami.message import MissingHeaderError
from ringwatch.ami.translate import MARKERS, TRANSLATIONS, Translation
from ringwatch.core import events as ev

# Possessive (++): what was read of a line is never given back, which would be tried for every letter of it.
_BARE_HEADER = re.compile(rb"\r\n[^:\r\n]++(?:\r|\Z)")
# Event names are Asterisk's, but UserEvent modules can invent more: the label of a counter must stay bounded.
_MOST_NAMES = 200
# Blocks kept until the first timestamp of a recording: a listing of a very large PBX fits.
_MOST_UNTIMED = 100_000


class Translator:
    """Translates the blocks of one stream, in order, and counts them by name."""

    def __init__(self) -> None:
        """Start before the first block of a stream."""
        self.clock = StreamClock()
        self.counts: Counter[bytes] = Counter()
        """Events seen by name; names beyond a bound are counted as ``other``."""
        self._untimed: list[tuple[bytes, Translation]] = []

    def feed(self, blocks: Iterable[bytes], arrived_at: float | None = None) -> list[ev.Event]:
        """Translate blocks.

        :param arrived_at: own clock when they were read, seconds since 1970; ``None`` for a recording.
        """
        events: list[ev.Event] = []
        names: list[bytes] = []
        for block in blocks:
            if block[:7] == b"Event: ":
                end = block.find(b"\r\n", 7)
                name = block[7:end] if end > 0 else block[7:]
                names.append(name)
                translation = TRANSLATIONS.get(name)
                if translation is None or (name in MARKERS and MARKERS[name] not in block):
                    continue
            else:
                translation = _other
            self._translate(block, translation, arrived_at, events)
        self._count(names)
        return events

    @property
    def timeless(self) -> bool:
        """Blocks came, but nothing told the time."""
        return bool(self._untimed)

    def _count(self, names: list[bytes]) -> None:
        counts = self.counts
        counts.update(names)
        if len(counts) > _MOST_NAMES:
            for name in list(counts)[_MOST_NAMES - 1 :]:
                if name != b"other":
                    counts[b"other"] += counts.pop(name)

    def _translate(
        self, block: bytes, translation: Translation, arrived_at: float | None, events: list[ev.Event]
    ) -> None:
        clock = self.clock
        try:
            at = clock.stamp(block, arrived_at)
        except ValueError:
            at = clock.last
            events.append(ev.StreamFault(at or 0.0, "malformed", f"Timestamp is no number in {_shown(block)}"))
        if at is None:
            if len(self._untimed) < _MOST_UNTIMED:
                self._untimed.append((block, translation))
            return
        if self._untimed:
            for earlier, its_translation in self._untimed:
                self._append(earlier, its_translation, at, events)
            self._untimed.clear()
        if clock.regressed_by:
            events.append(ev.StreamFault(at, "clock_regression", f"{clock.regressed_by:.6f} s in {_shown(block)}"))
        self._append(block, translation, at, events)

    @staticmethod
    def _append(block: bytes, translation: Translation, at: float, events: list[ev.Event]) -> None:
        if block == OVERSIZED:
            events.append(ev.StreamFault(at, "oversized", "a block over the limit was skipped"))
            return
        try:
            event = translation(block, at)
        except MissingHeaderError as error:
            events.append(ev.StreamFault(at, "malformed", f"no {error} in {_shown(block)}"))
            return
        if event is None:
            return
        if _BARE_HEADER.search(block):
            events.append(ev.StreamFault(at, "bare_header", f"a line without a colon in {_shown(block)}"))
        if not block.isascii():
            try:
                block.decode()
            except UnicodeDecodeError:
                events.append(ev.StreamFault(at, "invalid_utf8", f"kept as \\xNN in {_shown(block)}"))
        events.append(event)


def _other(block: bytes, at: float) -> ev.Event | None:
    if block.startswith(b"Response: "):
        if b"\r\nPing: Pong" in block:
            return ev.Answered(at)
        if b"\r\nMessage: Queue status will follow" in block:
            return ev.SnapshotBegan(at, "queues")
        if b"\r\nMessage: Channels will follow" in block:
            return ev.SnapshotBegan(at, "channels")
        return None
    if block.startswith(BANNER):
        return None
    raise MissingHeaderError("Event or Response")


def _shown(block: bytes) -> str:
    return repr(block[:80])
