"""The headers of every event and list item, against those of a real 22, and the states that members pass through."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache

import pytest

from ringwatch.simulator import DEFAULT_PLAN, Desk, around_the_clock

from .desks import MONDAY_NINE, busy, worked
from .streams import Event, capture, cut, headers, of_blocks

CLOSED = {
    *("Privilege", "ChannelStateDesc", "DestChannelStateDesc", "DialStatus", "Cause", "Cause-txt", "TechCause"),
    *("Reason", "BridgeType", "BridgeTechnology", "BridgeVideoSourceMode", "Ringinuse", "Membership", "Status"),
    *("CID-CallingPres", "Class", "MusicClass", "DestType", "IsExternal", "Result", "Language", "EventList", "Message"),
}
"""Headers with few values, which must be values that a real one sends."""


@cache
def recorded() -> list[Event]:
    """Read both captures of Asterisk 22, once."""
    return capture("scenarios-22") + capture("mix-22")


@cache
def simulated() -> list[Event]:
    """Let the busy desk work and answer in the middle of it, once."""
    desk = Desk(busy(), seed=5, start_at=MONDAY_NINE)
    events: list[Event] = []
    for minute in range(45):
        events += of_blocks(desk.advance(MONDAY_NINE + minute * 60))
        answers = desk.queue_status("lab-1") + desk.queue_summary("lab-2") + desk.channels("lab-3")
        events += list(cut(b"".join(answers)))
    return events


def name_of(event: Event) -> str:
    """Name an event, or an answer by its message."""
    found = headers(event)
    return found.get("Event") or f"Response {found['Response']}: {found.get('Message', '')}"


def shape(event: Event) -> tuple[str, ...]:
    """List the names of the headers in order, without the variables that the lab's account asked for."""
    return tuple(name for name, _ in event if "ChanVariable" not in name)


Shapes = dict[str, set[tuple[str, ...]]]


@cache
def real_shapes() -> Shapes:
    """Collect the shapes of the captures, once."""
    return shapes(recorded())


@cache
def simulated_shapes() -> Shapes:
    """Collect the shapes of the simulation, once."""
    return shapes(simulated())


def shapes(events: list[Event]) -> Shapes:
    """Collect the shapes of each event."""
    found: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
    for event in events:
        found[name_of(event)].add(shape(event))
    return found


@pytest.mark.parametrize("name", sorted(simulated_shapes()))
def test_headers_are_those_of_a_real_one(name: str) -> None:
    """Every event has the headers, in the order, that some real event of that name had."""
    assert simulated_shapes()[name] <= real_shapes().get(name, set())


def test_most_events_of_a_call_desk_are_there() -> None:
    """What is missing is parking and outgoing calls, which the desk does not do."""
    missing = set(real_shapes()) - set(simulated_shapes())
    assert {name for name in missing if not name.startswith("Response")} == {
        *("FullyBooted", "RTCPSent", "TestEvent", "QueueMemberPause", "OriginateResponse"),
        *("ParkedCall", "ParkedCallGiveUp", "ParkedCallTimeOut"),
    }


def values(events: list[Event]) -> dict[tuple[str, str], set[str]]:
    """Collect the values of the headers that have few."""
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for event in events:
        for name, value in event:
            if name in CLOSED:
                found[name_of(event), name].add(value)
    return found


def test_values_are_those_of_a_real_one() -> None:
    """A header with few values has no value that a real one never sent there."""
    real = values(recorded())
    # The lists were recorded while nobody talked; there the live events know the values.
    real["QueueMember", "Status"] |= real["QueueMemberStatus", "Status"]
    real["CoreShowChannel", "ChannelStateDesc"] |= real["Newstate", "ChannelStateDesc"]
    strange = {key: found - real.get(key, set()) for key, found in values(simulated()).items()}
    assert {key: found for key, found in strange.items() if found} == {}


def test_pauses_have_the_headers_of_a_real_one() -> None:
    """QueueMemberPause too, which needs people who pause."""
    _, said = worked(around_the_clock(DEFAULT_PLAN), hours=2)
    found = shapes(of_blocks(said))
    assert found["QueueMemberPause"] <= real_shapes()["QueueMemberPause"]


def test_shifts_have_the_headers_of_a_members_status() -> None:
    """Logging in and out has the headers of the status event, as in app_queue."""
    _, said = worked(DEFAULT_PLAN, hours=10)
    found = shapes(of_blocks(said))
    assert found["QueueMemberRemoved"] == found["QueueMemberAdded"] == real_shapes()["QueueMemberStatus"]


def test_stamps_are_written_as_a_real_one_writes_them() -> None:
    """Seconds, a dot, six digits."""
    pattern = re.compile(r"\d{10}\.\d{6}")
    for events in (recorded(), simulated()):
        stamps = [headers(event)["Timestamp"] for event in events if "Timestamp" in headers(event)]
        assert all(pattern.fullmatch(stamp) for stamp in stamps)


def transitions(events: list[Event]) -> set[tuple[str, str]]:
    """Collect how the status of a member changes from one report to the next."""
    last: dict[tuple[str, str], str] = {}
    found = set()
    for event in events:
        each = headers(event)
        if each.get("Event") == "QueueMemberStatus":
            key = each["Queue"], each["Interface"]
            found.add((last.get(key, "1"), each["Status"]))
            last[key] = each["Status"]
    return found


def test_members_pass_through_the_states_of_real_ones() -> None:
    """A member's status never changes in a way that no real one's did, and does all the usual changes."""
    found = transitions(simulated())
    assert found <= transitions(recorded())
    assert {("1", "6"), ("6", "2"), ("2", "1"), ("6", "1")} <= found


def test_identities_are_a_real_ones() -> None:
    """Uniqueids count up over all channels, and channel names in hexadecimal over those of one driver."""
    new = [headers(event) for event in simulated() if headers(event).get("Event") == "Newchannel"]
    assert [int(each["Uniqueid"].split(".")[1]) for each in new] == list(range(len(new)))
    names = [each["Channel"].split("-")[1] for each in new if each["Channel"].startswith("PJSIP/")]
    assert names == [f"{count:08x}" for count in range(len(names))]
    assert all(headers(event)["Linkedid"] for event in simulated() if "Linkedid" in headers(event))
