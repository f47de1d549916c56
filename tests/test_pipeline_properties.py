"""What holds of the whole pipeline, whatever the stream: bytes in, blocks, events, facts, a page of metrics.

The streams are recordings of real Asterisks. How they are cut must not matter; what is lost, doubled or out of order in
them may cost facts, but never the daemon.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringwatch.ami.framing import Framer
from ringwatch.ami.translator import Translator
from ringwatch.core import events as ev
from ringwatch.core.engine import Engine
from ringwatch.core.facts import Crossing, Record, to_json
from ringwatch.core.readings import Reading
from ringwatch.core.rules import Alert
from ringwatch.core.standards import Policy, Standard
from ringwatch.sinks.metrics import MetricsSink
from tests.core.told import Told, assert_forgotten, assert_sound, assert_told_once
from tests.tools.captures import NAMES, stream
from tests.tools.properties import PATIENT

STANDARD = Standard(
    hold_limit_seconds=2, talk_target_seconds=4, talk_limit_seconds=6, break_min_seconds=3, callback_seconds=10
)
"""Of a desk in a hurry: limits and deadlines are crossed in every recording, and many a rest is a break."""
POLICY = Policy(default=STANDARD, trunks=("PJSIP/trunk",))
SCENARIOS = ("scenarios-22", "scenarios-16")
MOST_BYTES = 400_000
"""Of a mix, for tests that run it many times: about ten seconds of a busy desk."""
MOST_EVENTS = 300

Heard = tuple[list[bytes], bytes]


def page(records: Iterable[Record]) -> MetricsSink:
    """Return a page on which these records were counted."""
    sink = MetricsSink({"main": POLICY}, agents=True)
    sink.apply(records)
    return sink


def heard(chunks: Iterable[bytes]) -> Heard:
    """Run chunks of a stream through everything, publishing after each as the pump does.

    Return the facts as they are written, and the page of metrics.
    """
    framer, translator, engine, sink = Framer(), Translator(), Engine("main", POLICY), page([])
    facts: list[bytes] = []

    def publish(records: list[Record]) -> None:
        facts.extend(to_json(record) for record in records if not isinstance(record, Reading))
        sink.apply([*records, *engine.readings()])

    for chunk in chunks:
        if blocks := framer.feed(chunk):
            publish([record for event in translator.feed(blocks) for record in engine.apply(event)])
    publish(engine.close())
    return facts, sink.render()


def data(name: str) -> bytes:
    """Return a scripted recording whole, and the beginning of a mix."""
    return stream(name) if name in SCENARIOS else stream(name)[:MOST_BYTES]


@cache
def heard_whole(name: str) -> Heard:
    """Return what is heard when the stream comes in one piece."""
    return heard([data(name)])


@cache
def events(name: str) -> tuple[ev.Event, ...]:
    """Return the events of a whole recording."""
    return tuple(Translator().feed(Framer().feed(stream(name))))


@cache
def recorded(name: str) -> tuple[Record, ...]:
    """Return all that is told of a whole recording, readings as of its end."""
    engine = Engine("main", POLICY)
    records = [record for event in events(name) for record in engine.apply(event)]
    return (*records, *engine.close(), *engine.readings())


# -- however the stream is cut


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_stream_may_come_byte_by_byte(name: str) -> None:
    """The same facts to the last byte, in the same order, and the same page of metrics."""
    whole = data(name)
    assert heard(whole[at : at + 1] for at in range(len(whole))) == heard_whole(name)


@pytest.mark.parametrize("name", NAMES)
@PATIENT
@given(st.data())
def test_a_stream_may_be_cut_anywhere(name: str, draw: st.DataObject) -> None:
    """In a few pieces or in many, in the middle of a header or of a character."""
    whole = data(name)
    cuts = draw.draw(st.lists(st.integers(0, len(whole)), max_size=40), label="cuts")
    pieces = [whole[start:end] for start, end in pairwise([0, *sorted(cuts), len(whole)])]
    assert heard(pieces) == heard_whole(name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1460, 4096, 65536])
def test_a_stream_may_come_in_pieces_as_a_network_cuts_them(name: str, size: int) -> None:
    """A TCP segment, a page, a full receive buffer."""
    whole = data(name)
    assert heard(whole[at : at + size] for at in range(0, len(whole), size)) == heard_whole(name)


def in_order(records: Iterable[Record]) -> list[Record]:
    """Return what is told in an order of its own, whenever the clock strikes."""
    return [each for each in records if not isinstance(each, Crossing | Alert)]


@pytest.mark.parametrize("name", NAMES)
@PATIENT
@given(st.data())
def test_ticks_only_tell_that_time_has_passed(name: str, draw: st.DataObject) -> None:
    """With a tick before any of the events, wherever the clock may have struck, the same records in the same order.

    Crossings and alerts, which a tick tells a moment late, are held apart below.
    """
    engine = Engine("main", POLICY)
    whole = events(name)
    ticks = draw.draw(st.dictionaries(st.integers(1, len(whole) - 1), st.floats(0, 1), max_size=60), label="ticks")
    records: list[Record] = []
    for number, event in enumerate(whole):
        if number in ticks:
            before = whole[number - 1].at
            records += engine.apply(ev.Tick(before + (event.at - before) * ticks[number]))
        records += engine.apply(event)
    ticked = (*records, *engine.close(), *engine.readings())
    assert in_order(ticked) == in_order(recorded(name))


# -- however often the clock strikes


def crossed(name: str, every: float) -> list[Crossing | Alert]:
    """Return what was crossed and alerted in a recording, with a clock that strikes at least so often, in seconds."""
    engine = Engine("main", POLICY)
    found: list[Record] = []
    heard_at = events(name)[0].at
    for event in events(name):
        strikes = [ev.Tick(heard_at + every * n) for n in range(1, int((event.at - heard_at) // every) + 1)]
        heard_at = event.at
        found += [record for each in (*strikes, event) for record in engine.apply(each)]
    return sorted((each for each in found if isinstance(each, Crossing | Alert)), key=repr)


@pytest.mark.parametrize("name", NAMES)
def test_limits_are_crossed_at_their_own_moment(name: str) -> None:
    """Whether an event or the clock, seldom or often, says that it has passed."""
    without = crossed(name, 1e9)
    assert {each.what for each in without if isinstance(each, Crossing)} == {"talk_target", "talk_limit", "hold_limit"}
    assert crossed(name, 1.0) == without
    assert crossed(name, 0.03) == without


@pytest.mark.parametrize("name", NAMES)
def test_what_was_crossed_is_what_conversations_and_holds_came_to(name: str) -> None:
    """No talk and no hold that was longer than its limit, and no other: told while it was up, and once."""
    told = Told(recorded(name))
    named = [leg for leg in told.legs if leg.queue or leg.line]
    wanted = {
        (leg.call_id, leg.interface, what, threshold)
        for leg in named
        for what, threshold in (("talk_target", 4.0), ("talk_limit", 6.0))
        if leg.talk_seconds >= threshold and leg.ended_by != "unknown"
    }
    talks = [each for each in told.crossings if each.what != "hold_limit"]
    assert {(each.call_id, each.interface, each.what, each.threshold) for each in talks} >= wanted
    holds = Counter(
        (hold.call_id, hold.agent) for hold in told.holds if hold.seconds >= 2 and (hold.queue or hold.line)
    )
    assert Counter((each.call_id, each.agent) for each in told.crossings if each.what == "hold_limit") == holds
    for each in talks:
        legs = [leg for leg in named if (leg.call_id, leg.interface) == (each.call_id, each.interface)]
        assert any(
            leg.started_at + each.threshold <= each.at + 1e-6
            and each.at <= leg.ended_at + 1e-6
            and leg.talk_seconds >= each.threshold
            for leg in legs
        ), each


# -- whatever the stream holds

Part = Sequence[ev.Event]


@st.composite
def parts(draw: st.DrawFn) -> Part:
    """Draw some minutes of a recording."""
    whole = events(draw(st.sampled_from(NAMES)))
    start = draw(st.integers(0, len(whole) - 1))
    return whole[start : start + draw(st.integers(1, MOST_EVENTS))]


@st.composite
def with_losses(draw: st.DrawFn) -> Part:
    """Draw events of which some are missing."""
    part = draw(parts())
    lost = draw(st.sets(st.integers(0, len(part) - 1)))
    return [event for at, event in enumerate(part) if at not in lost]


@st.composite
def in_disorder(draw: st.DrawFn) -> Part:
    """Draw events of which some are missing, some come twice, and some at another time."""
    part = [*draw(with_losses())]
    places = st.integers(0, max(len(part) - 1, 0))
    for place, other, doubled in draw(st.lists(st.tuples(places, places, st.booleans()), max_size=30)):
        if part:
            event = part[place % len(part)] if doubled else part.pop(place % len(part))
            part.insert(other, event)
    return part


def told_of(part: Part) -> tuple[Engine, Told]:
    """Apply events at the times of their places, as `StreamClock` would stamp them, and go down."""
    engine = Engine("main", POLICY)
    records: list[Record] = []
    times = sorted(event.at for event in part)
    for event, at in zip(part, times, strict=True):
        records += engine.apply(msgspec.structs.replace(event, at=at))
    records += engine.apply(ev.Shutdown(times[-1] if times else 0.0))
    return engine, Told(records)


@PATIENT
@given(with_losses())
def test_lost_events_cost_no_more_than_facts(part: Part) -> None:
    """Nothing raises, going down leaves nothing behind, and what is told is sound and told once."""
    engine, told = told_of(part)
    assert_forgotten(engine)
    assert_sound(told)
    assert_told_once(told)


@PATIENT
@given(in_disorder())
def test_disorder_costs_no_more_than_facts(part: Part) -> None:
    """Nothing raises, going down leaves nothing behind, and what is told is sound."""
    engine, told = told_of(part)
    assert_forgotten(engine)
    assert_sound(told)
    page(told.records).render()


# -- what is told


@pytest.mark.parametrize("name", NAMES)
def test_the_facts_of_a_recording_are_sound(name: str) -> None:
    """Times in order, an agent where somebody answered, every offer ended, no identity twice, and no anomaly."""
    told = Told(recorded(name))
    assert_sound(told)
    assert_told_once(told)
    assert told.anomalies == []
    assert (len(told.visits) > 13, len(told.calls) > 13) == (True, True)


@pytest.mark.parametrize("name", NAMES)
def test_telling_facts_twice_changes_no_metric(name: str) -> None:
    """After each other, or all over again: a counter moves once per fact."""
    records = recorded(name)
    once = page(records).render()
    assert page([each for record in records for each in (record, record)]).render() == once
    sink = page(records)
    sink.apply(records)
    assert sink.render() == once
