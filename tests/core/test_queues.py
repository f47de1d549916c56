"""How queues stand: lines of callers, members and their states, who sits at which device."""

from __future__ import annotations

import pytest

from ringwatch.core.agents import MEMBER_STATES
from ringwatch.core.events import MemberSeen
from ringwatch.core.facts import Record
from ringwatch.core.queues import Queues
from ringwatch.core.readings import QueueReading
from ringwatch.core.standards import Policy, Standard


def member(
    agent: str = "Anna",
    interface: str = "PJSIP/101",
    device: str | None = None,
    *,
    queue: str = "support",
    status: int = 1,
    paused: bool = False,
) -> MemberSeen:
    """Return what the PBX says of a member."""
    return MemberSeen(1.0, queue, agent, interface, device or interface, status, paused)


def known(*names: str) -> Queues:
    """Return queues that are configured."""
    told: list[Record] = []
    return Queues("main", Policy(standards={name: Standard() for name in names}), told.append)


def counted(reading: QueueReading) -> dict[str, int]:
    """Return the states that some member is in."""
    assert tuple(reading.members) == MEMBER_STATES
    return {state: count for state, count in reading.members.items() if count}


def test_a_configured_queue_has_its_zeros_before_anything_happens() -> None:
    """All configured queues are read once, in their order; afterwards only what changed."""
    queues = known("support", "sales")
    assert [queue.name for queue in queues] == ["support", "sales"]
    first = queues.readings()
    zeros: dict[str, int] = dict.fromkeys(MEMBER_STATES, 0)
    assert first == [
        QueueReading(pbx="main", queue=name, waiting=0, oldest_joined_at=None, members=zeros)
        for name in ("support", "sales")
    ]
    assert queues.readings() == []


def test_a_queue_is_told_when_it_is_first_mentioned() -> None:
    """A queue nobody configured is told at once, and read like all others when somebody asks."""
    told: list[Record] = []
    queues = Queues("main", Policy(), told.append)
    assert queues["night"] is queues["night"]
    zeros: dict[str, int] = dict.fromkeys(MEMBER_STATES, 0)
    night = QueueReading(pbx="main", queue="night", waiting=0, oldest_joined_at=None, members=zeros)
    assert told == [night]
    assert queues.readings() == [night]


def test_the_oldest_wait_is_the_first_to_have_joined() -> None:
    """Callers leave from anywhere in the line; what counts is when the one who waits longest joined."""
    queues = known("support")
    queues.readings()
    queues.join("support", "1.0", 10.0)
    queues.join("support", "2.0", 20.0)
    (reading,) = queues.readings()
    assert (reading.waiting, reading.oldest_joined_at) == (2, 10.0)
    queues.leave("support", "1.0")
    (reading,) = queues.readings()
    assert (reading.waiting, reading.oldest_joined_at) == (1, 20.0)
    queues.leave("support", "1.0")
    assert queues.readings() == []


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (0, "unknown"),
        (1, "free"),
        (2, "talking"),
        (3, "talking"),
        (4, "unavailable"),
        (5, "unavailable"),
        (6, "ringing"),
        (7, "talking"),
        (8, "on_hold"),
        (99, "unknown"),
    ],
)
def test_a_members_state_follows_the_devices_number(status: int, state: str) -> None:
    """The numbers of devicestate.h; a number of the future is unknown, not an error. Pitfall 11."""
    queues = known("support")
    queues.set_member(member(status=status))
    assert counted(queues.readings()[0]) == {state: 1}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (0, "paused"),
        (1, "paused"),
        (2, "talking"),
        (3, "talking"),
        (4, "paused"),
        (5, "paused"),
        (6, "paused"),
        (7, "talking"),
        (8, "on_hold"),
        (99, "paused"),
    ],
)
def test_a_paused_member_is_paused_unless_on_the_phone(status: int, state: str) -> None:
    """A pause keeps calls away and ends none: who talks is talking; a phone that rings or is unplugged is no news."""
    queues = known("support")
    queues.set_member(member(status=status, paused=True))
    assert counted(queues.readings()[0]) == {state: 1}


def test_a_member_seen_twice_alike_is_no_news() -> None:
    """A listing repeats what is known; nothing is told again."""
    queues = known("support")
    queues.set_member(member())
    queues.readings()
    queues.set_member(member())
    assert queues.readings() == []
    queues.set_member(member(status=6))
    assert counted(queues.readings()[0]) == {"ringing": 1}


def test_a_member_that_was_removed_counts_no_more() -> None:
    """Removing somebody who is not there is no news."""
    queues = known("support")
    queues.set_member(member())
    queues.readings()
    queues.remove_member("support", "PJSIP/101", 2.0)
    assert counted(queues.readings()[0]) == {}
    queues.remove_member("support", "PJSIP/101", 2.0)
    assert queues.readings() == []


def test_the_agent_at_a_device_is_the_members_name() -> None:
    """By the interface and by the phone behind it; a device nobody sits at is its own name."""
    queues = known()
    assert queues.agent_at("PJSIP/106") == "PJSIP/106"
    queues.set_member(member("Femke", "Local/106@agents/n", "PJSIP/106"))
    assert queues.agent_at("PJSIP/106") == "Femke"
    assert queues.agent_at("Local/106@agents/n") == "Femke"
    assert queues.agent_at("PJSIP/999") == "PJSIP/999"
    assert queues.is_member("PJSIP/106")
    assert not queues.is_member("PJSIP/999")


def test_a_device_with_two_names_has_neither() -> None:
    """Anna here and Front 101 there: neither name is hers alone, but the phone is the desk's."""
    queues = known()
    queues.set_member(member("Anna"))
    queues.set_member(member("Front 101", "Local/101@from-queue/n", "PJSIP/101", queue="front"))
    assert queues.agent_at("PJSIP/101") == "PJSIP/101"
    assert queues.agent_at("Local/101@from-queue/n") == "Front 101"
    assert queues.is_member("PJSIP/101")


def test_a_name_follows_the_member_from_queue_to_queue() -> None:
    """The same name in two queues is one agent; renamed or moved to another phone, the old name is forgotten."""
    queues = known()
    queues.set_member(member("Anna"))
    queues.set_member(member("Anna", queue="sales"))
    assert queues.agent_at("PJSIP/101") == "Anna"
    queues.remove_member("sales", "PJSIP/101", 2.0)
    assert queues.agent_at("PJSIP/101") == "Anna"
    queues.set_member(member("Anne"))
    assert queues.agent_at("PJSIP/101") == "Anne"
    queues.set_member(member("Anne", device="PJSIP/201"))
    assert queues.agent_at("PJSIP/201") == "Anne"
    queues.remove_member("support", "PJSIP/101", 2.0)
    assert not queues.is_member("PJSIP/201")
