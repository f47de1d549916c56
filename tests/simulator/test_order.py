"""The order of events, kind of call by kind of call, as real Asterisks 22 sent them.

What is compared, and what it means to agree:

- *the events*: a simulated call must say exactly what some real call of its kind said, no more and no less (its twin);
- *the order*: two events must not come in an order that no real call shows, when real calls show the other. The threads
  of an Asterisk race, so that real calls of one kind differ among themselves (which bridge thread leaves first, whether
  a phone's Newstate or the DialState comes first); where both orders occur, both are right. An order seen in a single
  real call is taken for a race too: `LEAST_EVIDENCE`.

The evidence is pooled over calls in which the same token means the same: by application (queue, ring-all queue, Dial)
and by transfer. The scenarios were recorded on an Asterisk without music, so music is left out against those.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from typing import TYPE_CHECKING

import pytest

from .desks import RING_ALL, busy, worked
from .streams import Call, calls, capture, of_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LEAST_EVIDENCE = 2
Counts = Counter[str]
Positions = dict[str, int]


def counts(tokens: Iterable[str]) -> Counts:
    """Count a call's events by name."""
    return Counter(token.split(" ")[0] for token in tokens)


def without_music(tokens: Iterable[str]) -> list[str]:
    """Leave music out."""
    return [token for token in tokens if not token.startswith("MusicOnHold")]


def orderly(n: Counts, tokens: list[str]) -> list[str]:
    """Leave out what has no order of its own: a phone that holds during a consultation repeats every BRIDGEPEER."""
    return [token for token in tokens if not (n["AttendedTransfer"] and token.startswith("VarSet BRIDGEPEER="))]


def ring_all(call: Call) -> bool:
    """Tell whether the call's first queue rings everybody."""
    return next((each["Queue"] for each in call.events if "Queue" in each), None) in RING_ALL


KINDS: dict[str, Callable[[Call, Counts, list[str]], bool]] = {
    "answered": lambda call, n, _: plain(n) and not ring_all(call) and n["HangupRequest"] == 1,
    "answered in a ring-all queue": lambda call, n, _: plain(n) and ring_all(call) and n["DialBegin"] > 1,
    "ended by the AMI action": lambda _call, n, _: plain(n) and n["HangupRequest"] == 0,
    "held": lambda _call, n, _: plain(n) and n["Hold"] == n["Unhold"] == 1,
    "missed, then answered": lambda _call, n, _: plain(n) and n["AgentRingNoAnswer"] == 1,
    "abandoned while waiting": lambda _call, n, _: abandoned(n) and n["AgentCalled"] == 0,
    "abandoned while one rings": lambda _call, n, _: abandoned(n) and n["AgentCalled"] == 1,
    "abandoned while two ring": lambda call, n, _: abandoned(n) and n["AgentCalled"] == 2 and ring_all(call),
    "queue limit while waiting": lambda _call, n, t: gave_up(n, t) and n["AgentCalled"] == 0,
    "queue limit while ringing": lambda _call, n, t: gave_up(n, t) and n["AgentRingNoAnswer"] > 0,
    "direct, answered": lambda _call, n, _: direct(n) and n["DialBegin"] == 1 and n["BridgeEnter"] > 0,
    "direct to a group, answered": lambda _call, n, _: direct(n) and n["DialBegin"] > 1 and n["BridgeEnter"] > 0,
    "direct to a group, abandoned": lambda _call, n, _: direct(n) and n["DialBegin"] > 1 and n["BridgeEnter"] == 0,
    "blind transfer to a phone": lambda _call, n, _: n["BlindTransfer"] == 1 == n["QueueCallerJoin"],
    "blind transfer to a queue": lambda _call, n, _: n["BlindTransfer"] == 1 < n["QueueCallerJoin"],
    "attended transfer": lambda _call, n, _: n["AttendedTransfer"] == 1 == n["Hold"],
}


def plain(n: Counts) -> bool:
    """Tell whether a queue call was answered and never transferred."""
    return n["AgentConnect"] == 1 == n["QueueCallerJoin"] and not n["BlindTransfer"] + n["AttendedTransfer"]


def abandoned(n: Counts) -> bool:
    """Tell whether a caller hung up in the queue."""
    return n["QueueCallerAbandon"] == 1 == n["HangupRequest"] and not n["AgentConnect"]


def gave_up(n: Counts, tokens: list[str]) -> bool:
    """Tell whether the queue's limit ended the wait."""
    return "VarSet QUEUESTATUS= caller" in tokens and n["HangupRequest"] == 0


def direct(n: Counts) -> bool:
    """Tell whether the caller never saw a queue."""
    return n["QueueCallerJoin"] == 0 and n["DialBegin"] > 0 and not n["AttendedTransfer"]


def family(call: Call, n: Counts) -> tuple[str, bool]:
    """Name the pool of calls in which this one's tokens mean the same."""
    if n["AttendedTransfer"]:
        return "attended", False
    transfer = "blind" if n["BlindTransfer"] else ""
    application = "queue" if n["QueueCallerJoin"] else "dial"
    return transfer + application, ring_all(call)


class Evidence:
    """What the captures say of events and their order."""

    def __init__(self, recorded: Iterable[tuple[Call, bool]]) -> None:
        """Take calls and whether each was recorded with music."""
        self.twins: dict[bool, set[frozenset[str]]] = {True: set(), False: set()}
        self.kinds: Counts = Counter()
        self._known: dict[tuple[tuple[str, bool], str, str], int] = {}
        self._pools: defaultdict[tuple[str, bool], list[Positions]] = defaultdict(list)
        for call, music in recorded:
            tokens = call.tokens()
            n = counts(tokens)
            if call.has_local and not n["AttendedTransfer"]:
                # Members behind Local channels are not simulated.
                continue
            self.kinds.update(kind for kind, is_it in KINDS.items() if is_it(call, n, tokens))
            self.twins[music].add(frozenset(tokens))
            self._pools[family(call, n)].append({token: place for place, token in enumerate(orderly(n, tokens))})

    def comparable(self, tokens: list[str]) -> list[str] | None:
        """Return what of a call can be compared with a real call that said exactly the same; None if none did."""
        if frozenset(tokens) in self.twins[True]:
            return tokens
        silent = without_music(tokens)
        return silent if frozenset(silent) in self.twins[False] else None

    def broken(self, pool: tuple[str, bool], tokens: list[str]) -> Iterator[tuple[str, str, int]]:
        """Find pairs of events in an order that real calls contradict, with the number of those calls."""
        for first, second in ((a, b) for place, a in enumerate(tokens) for b in tokens[place + 1 :]):
            against = self._against(pool, first, second)
            if against >= LEAST_EVIDENCE:
                yield first, second, against

    def _against(self, pool: tuple[str, bool], first: str, second: str) -> int:
        key = (pool, first, second)
        known = self._known.get(key)
        if known is None:
            both = [places for places in self._pools[pool] if first in places and second in places]
            known = self._known[key] = len(both) if all(places[second] < places[first] for places in both) else 0
        return known


@cache
def evidence() -> Evidence:
    """Read the captures, once."""
    real = ((call, name == "mix-22") for name in ("scenarios-22", "mix-22") for call in calls(capture(name)))
    return Evidence((call, music) for call, music in real if call.finished and call.from_outside)


@cache
def simulated() -> tuple[tuple[Call, list[str]], ...]:
    """Let the busy desk work, once, and tell its calls."""
    _, said = worked(busy(), seed=3)
    return tuple((call, call.tokens()) for call in calls(of_blocks(said)))


@cache
def of_kind(kind: str) -> list[tuple[Call, list[str]]]:
    """Find the simulated calls of a kind that have a real twin, with the tokens to compare."""
    found = []
    for call, tokens in simulated():
        if KINDS[kind](call, counts(tokens), tokens):
            compared = evidence().comparable(tokens)
            found += [] if compared is None else [(call, compared)]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_says_what_a_real_one_says_in_an_order_real_ones_use(kind: str) -> None:
    """Simulated calls of each kind have real twins, and no order that real calls contradict."""
    assert evidence().kinds[kind], "the captures hold no such call"
    twins = of_kind(kind)
    assert twins, "no simulated call says exactly what a real one said"
    different = {tuple(tokens): call for call, tokens in twins}
    for tokens, call in different.items():
        n = counts(tokens)
        assert list(evidence().broken(family(call, n), orderly(n, list(tokens)))) == []


def test_every_finished_call_is_whole() -> None:
    """Every simulated call begins with a channel, ends all of its channels, and is of a caller from outside."""
    assert all(call.finished and call.from_outside for call, _ in simulated())


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        ("answered", "QueueCallerLeave caller", "AgentConnect caller phone 1 (answered)"),
        ("answered", "DialEnd ANSWER caller phone 1 (answered)", "QueueCallerLeave caller"),
        ("abandoned while waiting", "QueueCallerAbandon caller", "QueueCallerLeave caller"),
        ("queue limit while ringing", "QueueCallerLeave caller", "VarSet QUEUESTATUS= caller"),
        (
            "direct to a group, answered",
            "DialEnd CANCEL caller phone 1 (elsewhere)",
            "DialEnd ANSWER caller phone 2 (answered)",
        ),
    ],
)
def test_the_comparison_can_fail(kind: str, first: str, second: str) -> None:
    """Two events exchanged are found, whoever exchanges them."""
    call, tokens = next((call, tokens) for call, tokens in of_kind(kind) if first in tokens and second in tokens)
    exchanged = {first: second, second: first}
    wrong = [exchanged.get(token, token) for token in tokens]
    broken = {(a, b) for a, b, _ in evidence().broken(family(call, counts(tokens)), wrong)}
    assert (second, first) in broken


def test_an_event_too_few_is_found() -> None:
    """A call that leaves something out has no twin."""
    tokens = of_kind("answered in a ring-all queue")[0][1]
    assert all(evidence().comparable([t for t in tokens if t != left_out]) is None for left_out in tokens)
