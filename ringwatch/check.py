"""``ringwatch check --live``: logs in, listens for a while, and tells what the account cannot see.

Whom something would be told is asked as well whether they would take it: a webhook and an MQTT broker are sent a probe.

Asterisk tells nobody the rights of an account, so they are inferred from what arrives:

* a class of which an event arrived is there;
* a class of which none arrived is missing when another class proves that there was something to say;
* else nothing is claimed: on a silent desk one call through a queue settles it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ringwatch.ami.message import text
from ringwatch.app import live_source
from ringwatch.config import Config, PbxConfig
from ringwatch.errors import RingwatchError, SourceError, one_line
from ringwatch.flow.ports import Attached, Batch
from ringwatch.sinks import alertmanager, mqtt_broker, webhook

Verdict = Literal["ok", "missing", "unseen", "advice"]

_EVENT = re.compile(rb"Event: ([^\r]*)(?:\r\nPrivilege: ([^\r,]*))?")
_NOISE = re.compile(
    rb"Event: (?:RTCPSent|RTCPReceived|TestEvent|DeviceStateChange|VarSet(?!.*\r\nVariable: QUEUESTATUS\r))", re.DOTALL
)
# Below this share of the bytes a filter would save nothing worth a line of configuration.
_NOISE_SHARE = 0.2

MEND: dict[str, tuple[str, str]] = {
    "read system": ("account", "read = system,call,agent,dialplan"),
    "read call": ("account", "read = system,call,agent,dialplan"),
    "read agent": ("account", "read = system,call,agent,dialplan"),
    "read dialplan": ("account", "read = system,call,agent,dialplan"),
    "write reporting": ("account", "write = reporting"),
    "timestamps": ("general", "timestampevents = yes"),
    "filters": (
        "account",
        """\
eventfilter = ^Event: ([^V]|V[^a])
eventfilter = ^Event: VarSet.*Variable: QUEUESTATUS
eventfilter = !^Event: DeviceStateChange
eventfilter = !^Event: (RTCPSent|RTCPReceived|TestEvent)""",
    ),
}
"""What to write in manager.conf, in [general] or in the account, to mend each finding."""

_WITHOUT = {
    "read system": "without it a restart of Asterisk is noticed late",
    "read call": "without it no call is seen at all",
    "read agent": "without it no queue is seen",
    "read dialplan": "without it refused callers are not seen, and timeout, empty and withdrawn look alike",
    "write reporting": "without it calls that were up before ringwatch came are not known",
    "timestamps": "without them every delay of the network becomes part of a wait",
    "filters": "much of what arrives is of no use here",
}


@dataclass(slots=True)
class Report:
    """What was found about one PBX."""

    pbx: str
    username: str
    findings: dict[str, tuple[Verdict, str]] = field(default_factory=dict)
    error: str | None = None
    queues: set[str] | None = None
    """The queues of the PBX, once all have been listed."""

    @property
    def well(self) -> bool:
        """Whether nothing is known to be missing."""
        return self.error is None and all(verdict != "missing" for verdict, _ in self.findings.values())

    @property
    def mend(self) -> list[str]:
        """Lines of manager.conf that mend what is missing."""
        findings = self.findings.items()
        wanted = [MEND[name] for name, (verdict, _) in findings if verdict in ("missing", "advice") and name in MEND]
        lines: list[str] = []
        for section, title in (("general", "[general]"), ("account", f"[{self.username}]")):
            found = dict.fromkeys(text for where, text in wanted if where == section)
            if found:
                lines += [title, *found]
        return lines

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        findings = {name: {"verdict": verdict, "note": note} for name, (verdict, note) in self.findings.items()}
        return {"pbx": self.pbx, "well": self.well, "error": self.error, "findings": findings, "mend": self.mend}

    def show(self, console: Console) -> None:
        """Print it for a person."""
        if self.error:
            console.print(f"[bold]{self.pbx}[/]: [red]{escape(self.error)}[/]", highlight=False, soft_wrap=True)
            return
        colours = {"ok": "green", "missing": "red", "unseen": "yellow", "advice": "yellow"}
        table = Table(title=f"PBX {self.pbx}", title_justify="left", header_style="bold")
        for name in ("What", "Verdict", "Why"):
            table.add_column(name)
        for name, (verdict, note) in self.findings.items():
            table.add_row(Text(one_line(name)), f"[{colours[verdict]}]{verdict}[/]", Text(note))
        console.print(table)
        if self.mend:
            console.print("In manager.conf, then [bold]asterisk -rx 'manager reload'[/]:", highlight=False)
            for line in self.mend:
                console.print(f"  {line}".replace("\n", "\n  "), highlight=False, markup=False, soft_wrap=True)


class Evidence:
    """What a stream showed."""

    def __init__(self) -> None:
        self.names: Counter[bytes] = Counter()
        self.classes: set[bytes] = set()
        self.denied = False
        self.stamped = 0
        self.events = 0
        self._bytes = 0
        self._noise = 0
        self._queue_started = False
        self.queues: set[str] = set()
        """Those that the listing names."""

    def take(self, block: bytes) -> None:
        """Look at one block."""
        if block.startswith(b"Response: Error") and b"Permission denied" in block:
            # Of what a session asks after the login, only CoreShowChannels needs a class.
            self.denied = True
        match = _EVENT.match(block)
        if not match:
            return
        self.names[match[1]] += 1
        if match[1] == b"QueueParams":
            self.queues.add(text(block, b"\r\nQueue: "))
        if match[2] is None:
            return
        self.classes.add(match[2])
        if match[1] == b"FullyBooted":
            # Sent by the login itself, and never stamped.
            return
        self.events += 1
        self.stamped += b"\r\nTimestamp: " in block
        self._bytes += len(block)
        if _NOISE.match(block):
            self._noise += len(block)
        self._queue_started = self._queue_started or b"\r\nApplication: Queue\r\n" in block

    def findings(self) -> dict[str, tuple[Verdict, str]]:
        """Conclude."""
        queued = self.names[b"QueueCallerJoin"] > 0
        verdicts: dict[str, Verdict] = {
            "read system": "ok" if b"system" in self.classes else "missing",
            "read call": self._class(b"call", proof=queued),
            "read agent": self._class(b"agent", proof=self._queue_started),
            "read dialplan": self._class(b"dialplan", proof=queued),
            "write reporting": "missing" if self.denied else "ok",
            "timestamps": ("ok" if self.stamped else "missing") if self.events else "unseen",
            "filters": "advice" if self._noise > self._bytes * _NOISE_SHARE else "ok" if self.events else "unseen",
        }
        return {name: (verdict, self._note(name, verdict)) for name, verdict in verdicts.items()}

    def _class(self, name: bytes, *, proof: bool) -> Verdict:
        if name in self.classes:
            return "ok"
        return "missing" if proof else "unseen"

    def _note(self, name: str, verdict: Verdict) -> str:
        if verdict == "unseen":
            return "nothing arrived that would tell: make a call through a queue and check again, with more --seconds"
        if name == "filters" and verdict == "advice":
            return f"{self._noise / self._bytes:.0%} of the bytes are events that no rule reads"
        return "" if verdict == "ok" else _WITHOUT[name]


@dataclass(frozen=True, slots=True)
class Reached:
    """What was found about one place that something is told to."""

    sink: str
    where: str
    error: str | None
    note: str

    @property
    def well(self) -> bool:
        """Whether it takes what it is sent."""
        return self.error is None

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {"sink": self.sink, "where": self.where, "well": self.well, "error": self.error, "note": self.note}

    def show(self, console: Console) -> None:
        """Print it for a person."""
        told = f"[green]ok[/], {escape(self.note)}" if self.error is None else f"[red]{escape(self.error)}[/]"
        console.print(f"[bold]{self.sink}[/] {escape(self.where)}: {told}", highlight=False, soft_wrap=True)


async def check_sinks(config: Config) -> list[Reached]:
    """Ask everybody to whom something would be told whether they would take it."""
    asked: list[Coroutine[Any, Any, Reached]] = []
    if settings := config.alertmanager:
        asked += [_ask("alertmanager", url, alertmanager.probe(settings, url)) for url in settings.urls]
    asked += [_ask("webhook", each.name, webhook.probe(each)) for each in config.webhook]
    if mqtt := config.mqtt:
        asked.append(_ask("mqtt", mqtt_broker.where(mqtt), mqtt_broker.probe(mqtt, [pbx.name for pbx in config.pbx])))
    return await asyncio.gather(*asked)


async def _ask(sink: str, where: str, probe: Coroutine[Any, Any, str]) -> Reached:
    try:
        return Reached(sink, where, None, one_line(await probe))
    except RingwatchError as error:
        return Reached(sink, where, _said(error), "")


def _said(error: RingwatchError) -> str:
    return str(error) + (f"; {error.remedy}" if error.remedy else "")


async def check_live(config: Config, seconds: float) -> list[Report]:
    """Check every PBX at once.

    :param seconds: how long to listen after the login.
    """
    reports = await asyncio.gather(*(_check(pbx, seconds) for pbx in config.pbx))
    # A queue may be on one PBX only; where a listing is missing nothing is claimed.
    listed = [report.queues for report in reports if report.queues is not None]
    if len(listed) == len(reports):
        known = sorted(set().union(*listed))
        note = f"no PBX has a queue of that name, capitals count; there are {one_line(', '.join(known)) or 'none'}"
        for queue in config.queue:
            if queue not in known:
                for report in reports:
                    report.findings[f'queue "{queue}"'] = ("advice", note)
    return reports


async def _check(pbx: PbxConfig, seconds: float) -> Report:
    report = Report(pbx.name, pbx.username)
    evidence = Evidence()
    attached = asyncio.Event()

    async def listen() -> None:
        async for item in live_source(pbx, give_up=True).items():
            match item:
                case Batch():
                    for block in item.blocks:
                        evidence.take(block)
                case Attached():
                    attached.set()
                case _ if not attached.is_set():
                    raise SourceError(item.why, remedy=item.remedy)

    listening = asyncio.create_task(listen())
    waiting = asyncio.create_task(attached.wait())
    await asyncio.wait([listening, waiting], return_when=asyncio.FIRST_COMPLETED)
    if attached.is_set():
        await asyncio.wait([listening], timeout=seconds)
    listening.cancel()
    waiting.cancel()
    await asyncio.wait([listening, waiting])
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await listening
        report.findings = evidence.findings()
        if evidence.names[b"QueueStatusComplete"]:
            report.queues = evidence.queues
    except SourceError as error:
        report.error = _said(error)
    return report
