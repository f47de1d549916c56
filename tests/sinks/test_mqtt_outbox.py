"""What waits to be published: order, rests, bounds, and what a new connection starts with."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ringwatch.sinks.mqtt_outbox import AT_ONCE, Outbox
from ringwatch.sinks.mqtt_topics import Message, Topics

from .samples import READING

EVENTS = [Message(f"ringwatch/main/event/{number}", b"{}", retain=False) for number in range(30)]
STATE = "ringwatch/main/queue/support/state"


def outbox(keep: int = 100, interval: float = 1.0) -> tuple[Topics, Outbox]:
    """Return an outbox over a connection that has just begun, with nothing to tell but one queue."""
    topics = Topics("ringwatch", {})
    topics.take(READING)
    box = Outbox(topics, interval, keep)
    box.begin()
    return topics, box


def told(batch: Sequence[Message]) -> list[str]:
    """Return the topics of a batch."""
    return [message.topic for message in batch]


def waits(topics: Topics, waiting: int) -> None:
    """Let the queue change."""
    topics.take(replace(READING, waiting=waiting))


def test_events_go_first_and_in_their_order() -> None:
    """A state has its place in every batch all the same."""
    _, box = outbox(keep=200)
    events = [Message(f"ringwatch/main/event/{number}", b"{}", retain=False) for number in range(120)]
    for event in events:
        box.add(event)
    first = box.batch(0.0)
    assert first[:-1] == events[: AT_ONCE - 1]
    assert told(first[-1:]) == [STATE]
    assert [*box.batch(0.0), *box.batch(0.0)] == events[AT_ONCE - 1 :]
    assert (box.batch(0.0), box.waiting, box.due_in(0.0)) == ([], 0, None)


def test_many_states_and_many_events_share_a_batch() -> None:
    """Neither waits for the end of the other."""
    topics, box = outbox(keep=200)
    for number in range(120):
        box.add(Message("ringwatch/main/event/call", b"{}", retain=False))
        topics.take(replace(READING, queue=f"q{number}"))
    batch = box.batch(0.0)
    assert (len(batch), sum(message.retain for message in batch)) == (AT_ONCE, AT_ONCE // 2)


def test_an_event_waits_until_the_batch_after_its_own_is_asked_for() -> None:
    """Who asks for more says that what went before has arrived; over a new connection it is handed out again."""
    _, box = outbox()
    box.add(EVENTS[0])
    assert told(box.batch(0.0)) == [EVENTS[0].topic, STATE]
    assert box.waiting == 1
    box.begin()
    assert told(box.batch(0.0)) == [EVENTS[0].topic, STATE]
    assert box.batch(0.0) == []
    assert box.waiting == 0


def test_beyond_the_bound_the_oldest_event_makes_room() -> None:
    """And is counted, once, also while it is on its way."""
    _, box = outbox(keep=10)
    for event in EVENTS[:12]:
        box.add(event)
    assert (box.take_dropped(), box.take_dropped(), box.waiting) == (2, 0, 10)
    assert box.batch(0.0)[0] == EVENTS[2]
    box.add(EVENTS[12])
    assert box.take_dropped() == 1
    assert [each for each in box.batch(0.0) if not each.retain] == [EVENTS[12]]


def test_a_state_rests_and_then_the_newest_is_told() -> None:
    """However often it changes meanwhile."""
    topics, box = outbox()
    assert told(box.batch(10.0)) == [STATE]
    for waiting in range(5, 9):
        waits(topics, waiting)
        assert box.batch(10.5) == []
    assert box.due_in(10.5) == 0.5
    (message,) = box.batch(11.0)
    assert b'"waiting":8' in message.payload
    assert message.retain


def test_a_state_that_is_again_as_it_was_is_not_told() -> None:
    """It rests, changes, and changes back: nobody needs to hear of it."""
    topics, box = outbox()
    box.batch(10.0)
    waits(topics, 5)
    waits(topics, READING.waiting)
    assert (box.batch(11.0), box.due_in(11.0)) == ([], None)


def test_at_last_nothing_rests() -> None:
    """The end does not wait for a second to pass."""
    topics, box = outbox()
    box.batch(10.0)
    waits(topics, 5)
    assert told(box.batch(10.1, at_last=True)) == [STATE]
    assert box.batch(10.1, at_last=True) == []


def test_over_a_new_connection_every_state_is_told_again() -> None:
    """The broker may have lost what it retained."""
    _, box = outbox()
    box.batch(10.0)
    box.begin()
    assert told(box.batch(10.1)) == [STATE]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.sampled_from([0.0, 0.1, 0.7, 2.0])), max_size=60))
def test_whatever_happens_each_topic_ends_with_its_newest_and_is_never_told_too_often(
    changes: list[tuple[int, int, float]],
) -> None:
    """Forty queues that change at any time, and a publisher who comes when something is due."""
    topics = Topics("ringwatch", {})
    box = Outbox(topics, 1.0, 100)
    box.begin()
    now, seen, last_told = 0.0, dict[str, bytes](), dict[str, float]()

    def publish() -> None:
        while batch := box.batch(now):
            for topic, payload, _ in batch:
                assert now >= last_told.get(topic, -1.0) + 1.0
                assert seen.get(topic) != payload
                seen[topic], last_told[topic] = payload, now

    for number, waiting, later in changes:
        topics.take(replace(READING, queue=f"q{number}", waiting=waiting))
        publish()
        now += later
    while (due := box.due_in(now)) is not None:
        now += due
        publish()
    assert seen == {topic: topics.payload(topic) for topic in topics.all}
