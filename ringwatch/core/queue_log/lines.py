r"""Reads single lines of a queue_log.

Rules:

* Nothing in a line is escaped, so a name may hold ``|``. The event is the first known one whose arguments have the form
  that Asterisk gives them; what stands before it is the queue and the agent. Where that is more than two parts, they
  are divided so that the queue is one in which callers were seen to wait: on ``ENTERQUEUE`` the agent is always
  ``NONE``, which tells the queue's whole name. Free text among the arguments (a caller's name, a reason, an extension)
  takes up what the numbers around it leave.
* Older Asterisks give some events fewer arguments. A log does not go back to them: a shorter line after a longer
  one was cut.
* A line whose event is not known (the dialplan application QueueLog writes any) is `Foreign`, one that cannot be read
  is `Damaged`. Nothing raises.
* Text is UTF-8; other bytes are kept readable as ``\xNN``, as they are where AMI is read, so that a name is the same
  name from both.

The forms are those of app_queue.c and app_agent_pool.c in 16 and 22, with the shorter ones of Asterisk 1.4 to 13.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

NONE = "NONE"
_TIME = re.compile(r"[0-9]{9,11}(?:\.[0-9]{1,9})?")
_FEWEST = 5

# Nine digits are thirty years of seconds: what is longer is no number of Asterisk's.
_N = "-?[0-9]{1,9}"
_WAITED = rf"{_N}\|(?P<position>{_N})\|(?P<wait>{_N})"
_TALKED = rf"(?P<wait>{_N})\|(?P<talk>{_N})"
_TEXT = ".*"
_NUMBERS = ("wait", "talk", "position", "ring")

_FORMS: dict[str, str] = {
    # url | caller's number | position [| caller's name]. The number ends where the first that can be a place follows.
    "ENTERQUEUE": r"[^|]*(?:\|(?P<text>.*?)(?:\|(?P<position>[1-9][0-9]{0,8})(?:\|.*)?)?)?",
    # wait | Uniqueid of the member's channel | seconds that this round of ringing took
    "CONNECT": rf"(?P<wait>{_N})(?:\|[^|]*(?:\|(?P<ring>{_N}))?)?",
    "COMPLETEAGENT": rf"{_TALKED}(?:\|(?P<position>{_N}))?",
    "COMPLETECALLER": rf"{_TALKED}(?:\|(?P<position>{_N}))?",
    # extension | context | wait | talk | position
    "BLINDTRANSFER": rf"(?P<text>.*)\|[^|]*\|{_TALKED}\|(?P<position>{_N})",
    "TRANSFER": rf"(?P<text>[^|]*)\|[^|]*\|{_TALKED}(?:\|(?P<position>{_N}))?",
    # BRIDGE | its id, APP | application, or LINK | channel | channel; then wait | talk | position
    "ATTENDEDTRANSFER": rf"(?P<method>[A-Z]+)\|(?P<text>.*)\|{_TALKED}\|(?P<position>{_N})",
    "ABANDON": _WAITED,
    "EXITEMPTY": _WAITED,
    "EXITWITHTIMEOUT": rf"{_N}(?:\|(?P<position>{_N})\|(?P<wait>{_N}))?",
    "EXITWITHKEY": rf"[^|]*\|{_N}(?:\|(?P<position>{_N})\|(?P<wait>{_N}))?",
    "WITHDRAW": rf"{_WAITED}(?:\|.*)?",
    # milliseconds
    "RINGNOANSWER": rf"(?P<ring>{_N})",
    "RINGCANCELED": rf"(?P<ring>{_N})",
    "AGENTDUMP": "",
    "SYSCOMPAT": "",
    "PAUSE": _TEXT,
    "UNPAUSE": _TEXT,
    "PAUSEALL": _TEXT,
    "UNPAUSEALL": _TEXT,
    "ADDMEMBER": _TEXT,
    "REMOVEMEMBER": _TEXT,
    "PENALTY": _N,
    "RINGINUSE": _N,
    "AGENTLOGIN": _TEXT,
    "AGENTLOGOFF": _TEXT,
    "AGENTCALLBACKLOGIN": _TEXT,
    "AGENTCALLBACKLOGOFF": _TEXT,
    "CONFIGRELOAD": _TEXT,
    "QUEUESTART": _TEXT,
    # Written by FreePBX's dialplan.
    "DID": _TEXT,
    "INFO": _TEXT,
}
EVENTS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {name: re.compile(form, re.DOTALL) for name, form in _FORMS.items()}
)
"""The known events and the form of their arguments."""


class Line(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A line of a known event. ``place`` is where it stands, for people: ``queue_log:17``."""

    place: str
    at: float
    """Seconds since 1970, truncated by Asterisk to whole ones."""
    call_id: str
    queue: str
    agent: str
    event: str
    wait: int | None = None
    """Whole seconds from joining to the answer or the end."""
    talk: int | None = None
    """Whole seconds from the answer to the end, holds and parks included."""
    position: int | None = None
    """The caller's place in line on joining, from 1."""
    ring: int | None = None
    """Of RINGNOANSWER and RINGCANCELED milliseconds, of CONNECT whole seconds."""
    text: str = ""
    """The caller's number, or where a transfer went."""


class Foreign(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A line of an event that Asterisk itself does not write."""

    place: str
    at: float
    event: str


class Damaged(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A line that cannot be read, and why; ``torn`` is one that the file ends in the middle of."""

    place: str
    why: str
    torn: bool = False


Read = Line | Foreign | Damaged


class Parser:
    """Reads lines, and learns the names of queues as it goes.

    :param queues: names known from elsewhere.
    """

    def __init__(self, queues: Iterable[str] = ()) -> None:
        """Start with these names."""
        self._queues = set(queues)
        self._longest: dict[str, int] = {}
        """The most numbers that an event had so far."""

    def line(self, text: str, place: str) -> Read:
        """Read one line, without its line end."""
        parts = text.split("|")
        if len(parts) < _FEWEST:
            return Damaged(place=place, why=f"{len(parts)} parts where there are at least {_FEWEST}")
        if not _TIME.fullmatch(parts[0]):
            return Damaged(place=place, why="does not begin with a time")
        misfit = None
        for index in range(4, len(parts)):
            form = EVENTS.get(parts[index])
            if form is None:
                continue
            if arguments := form.fullmatch("|".join(parts[index + 1 :])):
                queue, agent = self._divided(parts[2:index])
                return self._line(place, float(parts[0]), (parts[1], queue, agent, parts[index]), arguments)
            misfit = misfit or parts[index]
        if misfit:
            return Damaged(place=place, why=f"{misfit} has other arguments than Asterisk gives it")
        return Foreign(place=place, at=float(parts[0]), event=parts[4])

    def row(self, at: float, row: Mapping[str, str], place: str) -> Read:
        """Read one row of the database's table, its column names in lower case."""
        if "data" in row:
            data = row["data"]
        else:
            data = "|".join(row.get(f"data{number}", "") for number in range(1, 6)).rstrip("|")
        who = (row.get("callid", ""), row.get("queuename", ""), row.get("agent", ""), row.get("event", ""))
        form = EVENTS.get(who[3])
        if form is None:
            return Foreign(place=place, at=at, event=who[3])
        if arguments := form.fullmatch(data):
            return self._line(place, at, who, arguments)
        return Damaged(place=place, why=f"{who[3]} has other arguments than Asterisk gives it")

    def _line(self, place: str, at: float, who: tuple[str, str, str, str], arguments: re.Match[str]) -> Line | Damaged:
        call_id, queue, agent, event = who
        if event == "ENTERQUEUE":
            self._queues.add(queue)
        found = arguments.groupdict()
        numbers = sum(found.get(name) is not None for name in _NUMBERS)
        if numbers < self._longest.setdefault(event, numbers):
            return Damaged(place=place, why=f"{event} has fewer arguments than before")
        self._longest[event] = numbers

        def number(name: str) -> int | None:
            value = found.get(name)
            return None if value is None else int(value)

        text = found.get("text") or ""
        if found.get("method") == "BRIDGE":
            # The id of a bridge says nothing of who is in it.
            text = ""
        return Line(
            place=place,
            at=at,
            call_id=call_id,
            queue=queue,
            agent=agent,
            event=event,
            wait=number("wait"),
            talk=number("talk"),
            position=number("position"),
            ring=number("ring"),
            text=text,
        )

    def _divided(self, names: list[str]) -> tuple[str, str]:
        """Divide what stands before the event into queue and agent."""
        splits = [("|".join(names[:cut]), "|".join(names[cut:])) for cut in range(len(names) - 1, 0, -1)]
        for queue, agent in splits:
            if agent == NONE or queue in self._queues:
                return queue, agent
        # Nobody was seen to wait there: that an agent's name holds the separator is as good a guess as any.
        return splits[-1]
