"""pyst2's own Manager as an independent client: what it understands, the simulator says as Asterisk does."""

from __future__ import annotations

import asyncio
import contextlib
import queue
from typing import TYPE_CHECKING, Any

import pytest

from ringwatch.simulator import Account, SimulatorServer

from .desks import MONDAY_NINE, busy

if TYPE_CHECKING:
    from collections.abc import Callable

manager = pytest.importorskip("asterisk.manager")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ACCOUNT = Account(username="ringwatch", secret="s3cret")  # noqa: S106 - a secret of a test


class Manager(manager.Manager):  # type: ignore[misc, name-defined]
    """pyst2's, without its destructor: that logs off once more, and raises when the other end is gone."""

    def __del__(self) -> None:
        """Leave the threads to the end of the connection."""


async def with_simulator(conversation: Callable[[int], None], **options: Any) -> None:
    """Hold a conversation, which blocks, in a thread, with a simulator."""
    settings: dict[str, Any] = {"account": ACCOUNT, "seed": 1, "speed": 100, "start_at": MONDAY_NINE}
    async with SimulatorServer(busy(), **(settings | {"refusal_seconds": 0.05} | options)) as server:
        async with asyncio.timeout(30):
            await asyncio.to_thread(conversation, server.port)


def attached(port: int) -> tuple[Any, queue.Queue[Any]]:
    """Connect and log in, and collect events."""
    client = Manager()
    heard: queue.Queue[Any] = queue.Queue()
    client.register_event("*", lambda event, _: heard.put(event))
    client.connect("127.0.0.1", port)
    client.login("ringwatch", "s3cret")
    return client, heard


def log_off(client: Any) -> None:
    """Log off; its reader may close the socket before its writer has flushed it, which is pyst2's own race."""
    with contextlib.suppress(ValueError):
        assert client.logoff().headers["Response"] == "Goodbye"


async def test_it_logs_in_and_hears_a_call_from_end_to_end() -> None:
    def conversation(port: int) -> None:
        client, heard = attached(port)
        assert client.title == "Asterisk Call Manager"
        assert client.version == "11.0.0"
        names: list[str] = []
        while names.count("AgentComplete") < 3:
            event = heard.get(timeout=20)
            names.append(event.name)
            if event.name == "QueueCallerJoin":
                assert event.headers["Queue"] in {"ring", "group", "music", "recent", "bell"}
                assert event.headers["Timestamp"].startswith("17954")
        assert names[0] == "FullyBooted"
        assert {"Newchannel", "QueueCallerJoin", "AgentCalled", "DialBegin", "AgentConnect", "Hangup"} <= set(names)
        log_off(client)

    await with_simulator(conversation)


async def test_its_actions_are_answered() -> None:
    def conversation(port: int) -> None:
        client, heard = attached(port)
        client.send_action({"Action": "Events", "EventMask": "off"})
        assert client.ping().headers["Ping"] == "Pong"
        # Its reader takes "status will follow" for the start of one long message, up to StatusComplete.
        status = client.send_action({"Action": "QueueStatus"})
        assert status.headers["Message"] == "Queue status will follow"
        assert status.data.count("Event: QueueParams\r\n") == 5
        assert status.data.count("Event: QueueMember\r\n") == 14
        assert status.data.count("Event: QueueStatusComplete\r\n") == 1
        assert client.send_action({"Action": "CoreShowChannels"}).headers["Message"] == "Channels will follow"
        assert client.send_action({"Action": "QueueSummary"}).headers["Message"] == "Queue summary will follow"
        assert client.send_action({"Action": "Dance"}).headers["Response"] == "Error"
        names = []
        while "QueueSummaryComplete" not in names:
            names.append(heard.get(timeout=20).name)
        assert names.count("QueueSummary") == 5
        log_off(client)

    await with_simulator(conversation)


async def test_its_filters_hold() -> None:
    def conversation(port: int) -> None:
        client, heard = attached(port)
        added = client.send_action({"Action": "Filter", "Operation": "Add", "Filter": "!Event: VarSet"})
        assert added.headers["Response"] == "Success"
        while not heard.empty():
            heard.get()
        names = [heard.get(timeout=20).name for _ in range(200)]
        assert "VarSet" not in names[50:]
        assert "Newchannel" in names
        log_off(client)

    await with_simulator(conversation)


async def test_a_wrong_password_is_its_own_error() -> None:
    def conversation(port: int) -> None:
        client = Manager()
        client.connect("127.0.0.1", port)
        with pytest.raises(manager.ManagerAuthException, match="Authentication failed"):
            client.login("ringwatch", "wrong")

    await with_simulator(conversation)


async def test_nothing_it_cannot_read_is_sent() -> None:
    """It freezes on the first ChanVariable, which an account without channelvars never gets."""

    def conversation(port: int) -> None:
        client, heard = attached(port)
        for _ in range(2000):
            event = heard.get(timeout=20)
            assert not any("ChanVariable" in name for name in event.headers)
        assert client.connected()
        log_off(client)

    await with_simulator(conversation)
