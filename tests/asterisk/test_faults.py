"""Everything that can break breaks: the connection at any byte, ringwatch, Asterisk. Held against queue_log.

A random desk is watched over a wire that is cut thirty times, by two daemons that are killed three times and of which
one heals from queue_log, and by two daemons that nothing happens to; then Asterisk is killed twice under a load of
calls.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from ringwatch.core.facts import Call, Fact, Gap, Leg, QueueVisit, Transfer, to_json
from ringwatch.sources.facts import read_facts
from tests.agreement import Witnessed, witnessed
from tests.tools.captures import told as about_calls

from .cutting import Wire
from .desk import Desk
from .phones import Manner
from .random_desk import play
from .sipp import until
from .watching import Daemon, pbx_table, watching

SECONDS = float(os.environ.get("RINGWATCH_DESK_SECONDS") or 60)
SEED = int(os.environ.get("RINGWATCH_DESK_SEED") or 20261121)
CUTS = 30
KILLS = 3
CRASHES = 2
IN_THE_LISTING = 12_000
"""Bytes from the banner to the end of the listings, and a little more."""
NEAR = 2.5
"""Seconds between two witnesses of one moment: each may say whole seconds."""
_NEVER_IN_LINE = ("refused_full", "refused_empty")


class Watcher:
    """A daemon behind a wire, that can be killed and started again on the same facts."""

    def __init__(self, folder: Path, wire: Wire, configuration: str) -> None:
        self.folder = folder
        self.wire = wire
        self.kills: list[float] = []
        self._configuration = configuration
        self._stack = AsyncExitStack()
        self.daemon: Daemon | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, desk: Desk, more: str = "") -> AsyncIterator[Watcher]:
        """Attach; at the end it is stopped."""
        async with Wire.open(desk.asterisk.ports.ami) as wire:
            hurry = f"reconnect_min_seconds = 0.1\nreconnect_max_seconds = 1.5\nping_seconds = 2\n{more}"
            table = pbx_table(desk.asterisk, more=hurry).replace(str(desk.asterisk.ports.ami), str(wire.port))
            watcher = cls(folder, wire, table)
            try:
                await watcher.start()
                yield watcher
            finally:
                await watcher._stack.aclose()

    async def start(self) -> None:
        """Run it until it is attached."""
        self.daemon = await self._stack.enter_async_context(watching(self.folder, self._configuration))

    async def kill(self) -> None:
        """Kill it, and let some time go by before it runs again."""
        assert self.daemon
        self.kills.append(time.time())
        await self.daemon.kill()
        await self._stack.aclose()

    @property
    def tellings(self) -> list[Fact]:
        """What it told, in order; what a kill tore is left out."""
        return [fact for _, fact in read_facts(self.folder / "facts.jsonl") if fact is not None]

    @property
    def gaps(self) -> list[Gap]:
        """When it did not hear."""
        return [fact for fact in self.tellings if isinstance(fact, Gap)]


async def cut(watcher: Watcher, rng: random.Random, seconds: float, count: int) -> None:
    """Cut a wire so many times at random moments, often once more in the login or listing of the next connection."""
    wire = watcher.wire
    while len(wire.cuts) < count:
        again = len(wire.cuts) < count - 1 and rng.random() < 0.4
        await asyncio.sleep(rng.uniform(0.3, 1.7) * seconds / count * (1.4 if again else 1.0))
        for most in [3000, IN_THE_LISTING][: 1 + again]:
            async with asyncio.timeout(seconds):
                await wire.cut(rng.randrange(1, most), reset=rng.random() < 0.5)


async def kill(watcher: Watcher, rng: random.Random, seconds: float) -> None:
    """Kill a daemon three times."""
    for _ in range(KILLS):
        await asyncio.sleep(rng.uniform(0.5, 1.0) * seconds / KILLS - 2)
        await watcher.kill()
        await asyncio.sleep(rng.uniform(0.2, 3.0))
        await watcher.start()


async def next_second() -> None:
    """Wait for it: a new Asterisk counts from 0 again, and in the same second its calls would have the same names."""
    now = int(time.time())
    await until(lambda: int(time.time()) > now, within=2, what="the next second")


async def crash(desk: Desk, rng: random.Random) -> None:
    """Let callers call, and kill Asterisk under them; then once more, and once to the end."""
    for last in [False] * CRASHES + [True]:
        desk.phones({str(number): Manner(ring=rng.uniform(0.3, 2.0)) for number in range(101, 119)})
        for _ in range(12):
            extension = rng.choice(["1000", "2000", "4001", "6000", "8000", "3101"])
            desk.dial(extension, talk=rng.uniform(0.5, 6.0), patience=rng.uniform(1.0, 9.0))
            await asyncio.sleep(rng.uniform(0.1, 0.7))
        if not last:
            await desk.asterisk.kill()
            await next_second()
            await desk.asterisk.start()
    await desk.idle(within=60)


async def test_nothing_is_lost_and_nothing_is_double(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With queue_log every visit has exactly one fact with the right outcome; without, a visit or a gap tells of it.

    RINGWATCH_DESK_SECONDS is how long, RINGWATCH_DESK_SEED which desk and which faults.
    """
    rng = random.Random(SEED)  # noqa: S311 - chance on purpose: nothing here is a secret
    with capsys.disabled():
        sys.stdout.write(f"\nAsterisk {desk.asterisk.version}, seed {SEED}, {SECONDS:.0f} s\n")
    log = f'queue_log = "{desk.asterisk.queue_log}"\n'
    async with (
        Watcher.open(tmp_path / "healing", desk, log) as healing,
        Watcher.open(tmp_path / "deaf", desk) as deaf,
    ):
        watchers = (healing, deaf)
        async with (
            watching(tmp_path / "one", pbx_table(desk.asterisk)) as one,
            watching(tmp_path / "other", pbx_table(desk.asterisk, "peer")) as other,
            asyncio.TaskGroup() as faults,
        ):
            for each in watchers:
                faults.create_task(cut(each, random.Random(rng.random()), SECONDS, CUTS))  # noqa: S311 - as above
                faults.create_task(kill(each, random.Random(rng.random()), SECONDS))  # noqa: S311 - as above
            done = await play(desk, SEED, SECONDS)
        undisturbed = [sorted(map(to_json, about_calls(each.facts))) for each in (one, other)]
        await crash(desk, rng)
        lines = desk.queue_log()
        visits = witnessed(lines, desk.cel())
        for each in watchers:
            await settled(each)
    faults_seen = [len(each.wire.cuts) for each in watchers] + [len(each.kills) for each in watchers]
    wrong = [*healed(healing.tellings, visits), *covered(deaf.tellings, visits)]
    for each in watchers:
        wrong += [*told_once(each.tellings), *talks_once(each.tellings), *gaps_cover(each)]
    if undisturbed[0] != undisturbed[1]:
        wrong += [f"only one of two: {line!r}" for line in set(undisturbed[0]) ^ set(undisturbed[1])]
    with capsys.disabled():
        sys.stdout.write(f"{dict(done)}\n{len(visits)} visits in queue_log, cuts and kills {faults_seen}\n")
    assert not wrong, f"seed {SEED}, {tmp_path}:\n" + "\n".join(wrong)
    assert faults_seen == [CUTS, CUTS, KILLS, KILLS]
    assert len(visits) >= 0.5 * SECONDS
    assert any(isinstance(fact, Call) for fact in deaf.tellings)


async def settled(watcher: Watcher) -> None:
    """Wait until a daemon has nothing more to tell: it holds back for ten seconds what the log may know."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < 12:
        size = (watcher.folder / "facts.jsonl").stat().st_size
        if size != seen:
            seen, since = size, time.monotonic()
        await asyncio.sleep(0.2)


# -- the verdict


def healed(tellings: Sequence[Fact], visits: Iterable[Witnessed]) -> Iterator[str]:
    """Say which visits of the log have not exactly one fact with the right outcome."""
    ours = by_place(upserted(tellings))
    theirs: dict[tuple[str, str], list[Witnessed]] = defaultdict(list)
    for visit in visits:
        theirs[visit.caller, visit.queue].append(visit)
    for where in sorted(ours.keys() | theirs.keys()):
        facts, lines = ours.get(where, []), theirs.get(where, [])
        if len(facts) != len(lines):
            yield f"healing: {len(facts)} visits told, {len(lines)} in queue_log: {where}: {facts} {lines}"
        for fact, line in zip(facts, lines, strict=False):
            if not right(fact, line):
                yield f"healing: {fact} told, in queue_log {line}"


def covered(tellings: Sequence[Fact], visits: Iterable[Witnessed]) -> Iterator[str]:
    """Say which visits of the log are neither told rightly, nor unknown, nor in a gap."""
    gaps = [fact for fact in tellings if isinstance(fact, Gap)]
    ours = by_place(upserted(tellings))
    for line in visits:
        facts = ours.get((line.caller, line.queue), [])
        near = [fact for fact in facts if abs(fact.joined_at - line.joined_at) <= NEAR]
        if any(right(fact, line) or fact.outcome == "unknown" for fact in near):
            continue
        ended_at = line.ended_at if line.ended_at is not None else float("inf")
        if not any(line.joined_at <= gap.to and ended_at + 1 >= gap.from_ for gap in gaps):
            yield f"deaf: {line} in queue_log, told {facts}"


def right(fact: QueueVisit, line: Witnessed) -> bool:
    """Tell whether a fact says what the log says; of a wait that has no end there the end is unknown.

    Of a talk it may lack the end for other reasons than a crash, and then that is AMI's to say: seen on 16, of a caller
    who was parked, given back and handed on, in a bridge that app_queue had not made.
    """
    outcome = "abandoned" if fact.outcome == "short_abandoned" else fact.outcome
    # Who picked a call up was heard from AMI; the log names the member who was rung.
    picked_up = fact.agent_ring_seconds is None and not fact.joined_at.is_integer()
    same = outcome != "answered" or fact.agent == line.agent or picked_up
    return outcome == (line.outcome or "unknown") and same


def told_once(tellings: Iterable[Fact]) -> Iterator[str]:
    """Say which facts were told twice, but for those that queue_log knew better."""
    told: dict[tuple[type[Fact], object], Fact] = {}
    for fact in tellings:
        identity = (type(fact), fact.key)
        before = told.get(identity)
        if before is not None and before != fact and getattr(fact, "source", "") != "queue_log":
            yield f"told twice: {before} and {fact}"
        told[identity] = fact


def talks_once(tellings: Iterable[Fact]) -> Iterator[str]:
    """Say where an agent is told to talk twice with one caller at one time, or to hand one on twice."""
    last = {(type(fact), fact.key): fact for fact in tellings}.values()
    transfers = [fact for fact in last if isinstance(fact, Transfer)]
    for first, second in itertools.combinations(transfers, 2):
        same = (first.call_id, first.from_agent, first.kind) == (second.call_id, second.from_agent, second.kind)
        if same and abs(first.at - second.at) < NEAR and first.source != second.source:
            yield f"transfer told twice: {first} and {second}"
    told: dict[tuple[str, str], list[Leg]] = defaultdict(list)
    for leg in (fact for fact in last if isinstance(fact, Leg)):
        told[leg.call_id, leg.agent].append(leg)
    for legs in told.values():
        for one, two in itertools.combinations(legs, 2):
            if min(one.ended_at, two.ended_at) - max(one.started_at, two.started_at) > 1:
                yield f"talk told twice: {one} and {two}"


def gaps_cover(watcher: Watcher) -> Iterator[str]:
    """Say which cuts and kills no gap tells of."""
    for at in [*watcher.wire.cuts, *watcher.kills]:
        if not any(gap.from_ <= at + 0.1 and gap.to >= at for gap in watcher.gaps):
            yield f"{watcher.folder.name}: no gap at {at:.3f}"


def upserted(tellings: Iterable[Fact]) -> list[QueueVisit]:
    """Return the last telling of every visit of a line."""
    last = {fact.key: fact for fact in tellings if isinstance(fact, QueueVisit)}
    return [fact for fact in last.values() if fact.outcome not in _NEVER_IN_LINE]


def by_place(visits: Iterable[QueueVisit]) -> dict[tuple[str, str], list[QueueVisit]]:
    """Sort visits by the channel and queue that the log knows them by, each in the order of joining."""
    found: dict[tuple[str, str], list[QueueVisit]] = defaultdict(list)
    for visit in sorted(visits, key=lambda each: each.joined_at):
        found[visit.uniqueid or visit.call_id, visit.queue].append(visit)
    return found
