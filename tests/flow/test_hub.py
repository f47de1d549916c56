"""The hub and its inboxes: bounded, never waiting, and honest about what was dropped."""

from __future__ import annotations

import asyncio
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from ringwatch.core.facts import Gap, Record
from ringwatch.flow.hub import Hub, Inbox
from tests.tools.properties import PATIENT


def gaps(*numbers: int) -> list[Record]:
    """Return records that can be told apart."""
    return [Gap(pbx="main", from_=float(number), to=float(number), why="disconnected") for number in numbers]


async def waits(task: asyncio.Task[object]) -> bool:
    """Tell whether a task is still waiting after everything that can happen has happened."""
    for _ in range(5):
        await asyncio.sleep(0)
    return not task.done()


async def test_everything_that_waits_is_taken_at_once_and_in_order() -> None:
    """A sink that was busy finds all that came meanwhile in one list."""
    inbox = Inbox("sink")
    inbox.put(gaps(1, 2))
    inbox.put(gaps(3))
    assert await inbox.get() == gaps(1, 2, 3)


async def test_who_asks_before_anything_came_is_woken_by_the_first_record() -> None:
    """Getting waits while there is nothing, and no longer."""
    inbox = Inbox("sink")
    asking = asyncio.create_task(inbox.get())
    assert await waits(asking)
    inbox.put(gaps(1))
    assert await asking == gaps(1)


async def test_a_full_inbox_loses_its_oldest_and_counts_them() -> None:
    """What is newest is worth most; the count is exact, over one put or over many."""
    inbox = Inbox("sink", capacity=3)
    inbox.put(gaps(1, 2))
    inbox.put(gaps(3, 4))
    inbox.put(gaps(5, 6, 7, 8, 9))
    assert inbox.dropped == 6
    assert await inbox.get() == gaps(7, 8, 9)
    inbox.put(gaps(10))
    assert inbox.dropped == 6


async def test_nothing_at_all_wakes_nobody() -> None:
    """An empty list must not be taken for the end of the inbox, which is what an empty answer means."""
    inbox = Inbox("sink")
    asking = asyncio.create_task(inbox.get())
    inbox.put([])
    assert await waits(asking)
    inbox.put(gaps(1))
    assert await asking == gaps(1)


async def test_closing_lets_what_waits_be_taken_and_then_ends() -> None:
    """The last records come before the empty list, which stays the answer from then on."""
    inbox = Inbox("sink")
    inbox.put(gaps(1))
    inbox.close()
    assert await inbox.get() == gaps(1)
    assert await inbox.get() == []
    assert await inbox.get() == []


async def test_closing_wakes_who_waits() -> None:
    """A sink with nothing to do ends as soon as its inbox is closed."""
    inbox = Inbox("sink")
    asking = asyncio.create_task(inbox.get())
    await waits(asking)
    inbox.close()
    assert await asking == []


async def test_idle_means_dealt_with_not_merely_taken() -> None:
    """Draining waits until the sink asks again, for only then it is done with what it took."""
    inbox = Inbox("sink")
    await inbox.wait_idle()
    inbox.put(gaps(1))
    draining = asyncio.create_task(inbox.wait_idle())
    assert await waits(draining)
    await inbox.get()
    assert await waits(draining)
    asking = asyncio.create_task(inbox.get())
    await draining
    inbox.close()
    assert await asking == []


async def test_an_abandoned_inbox_keeps_nothing_and_counts_everything() -> None:
    """What a sink that failed should have had is told as dropped, what waited included; draining waits for nobody."""
    inbox = Inbox("sink")
    inbox.put(gaps(1, 2))
    inbox.abandon()
    inbox.put(gaps(3, 4, 5))
    assert inbox.dropped == 5
    await asyncio.wait_for(inbox.wait_idle(), 1)
    inbox.close()
    assert await inbox.get() == []


async def test_abandoning_what_is_done_with_counts_nothing() -> None:
    """A sink that came to its end in order has lost nothing."""
    inbox = Inbox("sink")
    inbox.put(gaps(1))
    await inbox.get()
    inbox.close()
    assert await inbox.get() == []
    inbox.abandon()
    assert inbox.dropped == 0


async def test_every_sink_gets_every_record() -> None:
    """The hub fans out: one sink's taking is none of another's business."""
    hub = Hub()
    first, second = hub.add("first"), hub.add("second")
    hub.publish(gaps(1))
    assert await first.get() == gaps(1)
    hub.publish(gaps(2))
    assert await first.get() == gaps(2)
    assert await second.get() == gaps(1, 2)


async def test_a_sink_that_never_takes_costs_only_itself() -> None:
    """Publishing does not wait for the dead, and the living miss nothing."""
    hub = Hub()
    dead, living = hub.add("dead", capacity=10), hub.add("living")
    heard: list[Record] = []

    async def listen() -> None:
        while records := await living.get():
            heard.extend(records)

    listening = asyncio.create_task(listen())
    for number in range(1000):
        hub.publish(gaps(number))
        if not number % 50:
            await asyncio.sleep(0)
    hub.close()
    await listening
    assert heard == gaps(*range(1000))
    assert (dead.dropped, living.dropped) == (990, 0)
    assert await dead.get() == gaps(*range(990, 1000))


async def test_draining_waits_for_the_slowest() -> None:
    """A replay is in step with all of its sinks."""
    hub = Hub()
    inboxes = [hub.add("quick"), hub.add("slow")]
    hub.publish(gaps(1))
    draining = asyncio.create_task(hub.drain())
    asking = [asyncio.create_task(_take_twice(inbox)) for inbox in inboxes[:1]]
    assert await waits(draining)
    asking.append(asyncio.create_task(_take_twice(inboxes[1])))
    await asyncio.wait_for(draining, 1)
    hub.close()
    assert await asyncio.gather(*asking) == [gaps(1), gaps(1)]


async def _take_twice(inbox: Inbox) -> list[Record]:
    return [*await inbox.get(), *await inbox.get()]


@settings(PATIENT, max_examples=60)
@given(st.lists(st.one_of(st.integers(0, 7), st.none()), max_size=40), st.integers(1, 9))
def test_what_is_taken_and_what_was_dropped_is_what_was_put(deeds: list[int | None], capacity: int) -> None:
    """In any order of putting (how many) and taking (None), nothing is lost uncounted, doubled or out of order."""

    async def play() -> None:
        inbox = Inbox("sink", capacity)
        numbers = itertools.count()
        put: list[Record] = []
        taken: list[Record] = []
        for deed in deeds:
            if deed is not None:
                records = gaps(*itertools.islice(numbers, deed))
                put += records
                inbox.put(records)
            elif len(put) > len(taken) + inbox.dropped:
                taken += await inbox.get()
        inbox.close()
        while records := await inbox.get():
            assert len(records) <= capacity
            taken += records
        assert len(taken) + inbox.dropped == len(put)
        left = iter(put)
        assert all(record in left for record in taken)

    asyncio.run(play())
