"""The alternative source: pyst2's Manager, in its own threads, behind the same contract.

Rules:

* pyst2 does the connecting, reading and cutting; its messages are given on as blocks, so that everything behind is the
  same as for the default source.
* pyst2 0.5.1 dies on Python 3 at the first ``ChanVariable`` header (``dict.has_key`` in ``ManagerMsg.parse``) and then
  still says it is connected. `_Manager` keeps those headers away from that parser.
* pyst2 has no TLS and no time-outs: what has to end in time is ended here by shutting its socket.
* pyst2 swallows bytes that are not UTF-8; the default source keeps them.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable

from asterisk.manager import Event, Manager, ManagerException, ManagerMsg

from ringwatch.ami.framing import Framer
from ringwatch.ami.message import build
from ringwatch.ami.session import PINGS_PER_LISTING, login_refused
from ringwatch.config import PbxConfig
from ringwatch.errors import ConnectFailed, ConnectionLost, ConnectionSilent, NotAmi, SourceError
from ringwatch.flow.ports import Attached, Batch, Item
from ringwatch.sources.live import stay_attached

_TITLE = "Asterisk Call Manager"
_MADE_UP = "Response: Generated Header\r\n"


class _Up:
    """Said by the worker once it is logged in."""


class _Message(ManagerMsg):  # type: ignore[misc]  # pyst2 carries no types
    """A message whose parser never meets a ``ChanVariable``."""

    def parse(self, response: list[str]) -> None:
        """Take the headers out of the lines."""
        super().parse([line for line in response if "ChanVariable" not in line.partition(":")[0]])


class _Manager(Manager):  # type: ignore[misc]
    """pyst2's Manager, which also hands on every message as it was read."""

    def __init__(self, hear: Callable[[list[str]], object]) -> None:
        super().__init__()
        self._hear = hear
        self._asked = 0
        self.stirred = threading.Event()
        """Set when the PBX has reloaded a module, and when nothing more will be heard."""
        self.ended = False

    def message_loop(self) -> None:
        """Do what pyst2's own loop does, with `_Message` for the parsing."""
        receiver = threading.Thread(target=self._receive_data, daemon=True)
        receiver.start()
        try:
            while lines := self._message_queue.get():
                self._hear(lines)
                message = _Message(lines)
                if message.has_header("Event"):
                    if message.get_header("Event") == "Reload":
                        self.stirred.set()
                    self._event_queue.put(Event(message))
                else:
                    self._response_queue.put(message)
        finally:
            self._event_queue.put(None)
            # Whoever waits for an answer gets none.
            self._response_queue.put(None)
            self.ended = True
            self.stirred.set()

    def ask(self, action: str, *headers: tuple[str, str]) -> ManagerMsg | None:
        """Send an action and return its answer; ``None`` when the connection ends without one.

        pyst2's own ``send_action`` loses an answer, such as a refusal, behind which the other end closes at once.
        """
        self._asked += 1
        data = build([("Action", action), ("ActionID", f"ringwatch-{self._asked}"), *headers])
        # AttributeError and ValueError: the receiving thread has just closed the socket.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            self._sock.write(data)
        answer = self._response_queue.get()
        if answer is None:
            # Nor does whoever asks next.
            self._response_queue.put(None)
        return answer

    def shut(self) -> None:
        """End the connection now, whatever thread is waiting for it."""
        self._running.clear()
        self._message_queue.put(None)
        raw = getattr(self._sock, "_sock", None)
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)

    def __del__(self) -> None:
        """Leave the socket alone: pyst2's own finaliser would log off over a dead connection."""


class Pyst2Source:
    """A live connection over pyst2 that is opened again whenever it breaks.

    :param give_up: end with the error when the first attempt fails in a way only a person can mend.
    """

    def __init__(self, pbx: PbxConfig, *, give_up: bool = False) -> None:
        """Prepare; nothing is opened yet."""
        self._pbx = pbx
        self._give_up = give_up
        self._where = f"{pbx.host}:{pbx.port}"

    def items(self) -> AsyncIterator[Item]:
        """Yield what happens, for ever.

        :raises ringwatch.errors.SourceError: the source gave up.
        """
        return stay_attached(self._pbx, self._connection, give_up=self._give_up)

    async def _connection(self) -> AsyncIterator[Item]:
        pbx = self._pbx
        heard: asyncio.Queue[list[str] | SourceError | _Up] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def hear(said: list[str] | SourceError | _Up) -> None:
            # After the loop has gone nobody listens any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(heard.put_nowait, said)

        manager = _Manager(hear)
        threading.Thread(target=self._work, args=(manager, hear), daemon=True).start()
        framer = Framer()
        patience = pbx.connect_timeout + pbx.login_timeout
        try:
            while True:
                try:
                    async with asyncio.timeout(patience):
                        said = await heard.get()
                except TimeoutError:
                    message = f"{self._where} has been silent for {patience:g} s"
                    raise ConnectionSilent(message) from None
                match said:
                    case SourceError():
                        raise said
                    case _Up():
                        patience = pbx.read_timeout
                        yield Attached(time.time(), self._where, manager.version or "")
                    case _:
                        # pyst2 puts a header of its own before the banner, and takes the empty line off every message.
                        data = (said[1] if said[0] == _MADE_UP else "".join([*said, "\r\n"])).encode()
                        yield Batch(framer.feed(data), time.time(), len(data))
        finally:
            manager.shut()

    def _work(self, manager: _Manager, hear: Callable[[SourceError | _Up], None]) -> None:
        """Do in a thread of its own what blocks; only this thread says how it ended, and so says it last."""
        try:
            self._attend(manager, hear)
        except SourceError as error:
            hear(error)
        except (ManagerException, OSError, UnicodeError) as error:
            hear(ConnectFailed(f"no connection to {self._where}: {error.args[-1]}"))
        else:
            hear(ConnectionLost(f"{self._where} closed the connection"))
        finally:
            # A connection that came about after everybody had left is left as well.
            manager.shut()

    def _attend(self, manager: _Manager, hear: Callable[[_Up], None]) -> None:
        """Connect, log in, ask how things stand, and keep alive until the connection ends."""
        pbx = self._pbx
        first = manager.connect(pbx.host, pbx.port)
        if first is None:
            return
        if manager.title != _TITLE:
            says = "".join(first.response).removeprefix(_MADE_UP).strip()[:60]
            raise NotAmi(f"{self._where} is not a Manager Interface: it says {says!r}")
        if not self._log_in(manager) or manager.ask("Ping") is None:
            return
        hear(_Up())
        for ping in itertools.count():
            if ping % PINGS_PER_LISTING == 0 or manager.stirred.is_set():
                manager.stirred.clear()
                manager.ask("QueueStatus")
                manager.ask("CoreShowChannels")
            manager.stirred.wait(pbx.ping_seconds)
            if manager.ended:
                return
            manager.ask("Ping")

    def _log_in(self, manager: _Manager) -> bool:
        """Log in; false when the connection ended before there was an answer."""
        pbx = self._pbx
        secret = pbx.secret.get_secret_value()
        proof = [("Secret", secret)]
        if pbx.login == "md5":
            challenge = manager.ask("Challenge", ("AuthType", "MD5"))
            if challenge is None:
                return False
            key = hashlib.md5(f"{challenge.get_header('Challenge', '')}{secret}".encode(), usedforsecurity=False)
            proof = [("AuthType", "MD5"), ("Key", key.hexdigest())]
        answer = manager.ask("Login", ("Username", pbx.username), *proof)
        if answer is not None and answer.get_header("Response") != "Success":
            raise login_refused(pbx.username, answer.get_header("Message", ""))
        return answer is not None
