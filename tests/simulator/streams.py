"""AMI streams cut into calls, the same way for a capture and for the simulator, so that the two can be compared.

A call is told as *tokens*: who did what, with names that do not depend on numbers or times. Phones are named by their
order and fate (answered, elsewhere, missed, let go), bridges by their order. A token seen again gets a count, so that
a call's tokens are all different.

Left out, because they are the lab's and not the desk's: TestEvent (Debian builds with the test framework), RTCPSent,
what the SIP stack sets (SIPDOMAIN, RTPAUDIOQOS..., BRIDGEPVTCALLID), the lab's tag RW_TAG and the Newexten that sets
it, and the Wait of its dialplan. Device states and member states belong to no call; they have tests of their own.
"""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CAPTURES = Path(__file__).parents[1] / "captures"
Event = list[tuple[str, str]]
Headers = dict[str, str]

NOISE_EVENTS = {"TestEvent", "RTCPSent"}
NOISE_VARIABLES = ("SIPDOMAIN", "RTPAUDIOQOS", "BRIDGEPVTCALLID", "RW_TAG")
NOISE_APPLICATIONS = {"Set", "Wait"}
FATES = {"ANSWER": "answered", "NOANSWER": "missed", "CANCEL": "let go"}
LINKEDIDS = ("Linkedid", "DestLinkedid", "TransfereeLinkedid", "LocalOneLinkedid", "ParkeeLinkedid")


def cut(data: bytes) -> Iterator[Event]:
    """Cut a stream into blocks of headers; the banner counts as none."""
    text = data.decode()
    if text.startswith("Asterisk Call Manager/"):
        text = text.split("\r\n", 1)[1]
    for block in text.split("\r\n\r\n"):
        lines = [line for line in block.split("\r\n") if line]
        if lines:
            yield [(name, value.removeprefix(" ")) for name, _, value in (line.partition(":") for line in lines)]


def capture(name: str) -> list[Event]:
    """Read the stream of a capture."""
    return list(cut(gzip.decompress((CAPTURES / name / "stream.ami.gz").read_bytes())))


def of_blocks(blocks: Iterable[tuple[float, bytes]]) -> list[Event]:
    """Read what a desk said."""
    return list(cut(b"".join(block for _, block in blocks)))


def headers(event: Event) -> Headers:
    """Return the headers of an event, the first of each name."""
    found: Headers = {}
    for name, value in event:
        found.setdefault(name, value)
    return found


def timed(events: Iterable[Event]) -> list[Headers]:
    """Return the events that carry a time, which list items and answers do not, without the noise."""
    all_headers = (headers(event) for event in events)
    return [each for each in all_headers if "Timestamp" in each and each["Event"] not in NOISE_EVENTS]


class Call:
    """The events of one call, in order, with the names its channels and bridges get."""

    def __init__(self, call_id: str) -> None:
        """Start a call without events."""
        self.call_id = call_id
        self.events: list[Headers] = []

    @property
    def finished(self) -> bool:
        """Whether the stream shows the call from its first channel to its last."""
        count = Counter(each["Event"] for each in self.events)
        return count["Newchannel"] == count["Hangup"] and self.events[0]["Event"] == "Newchannel"

    @property
    def from_outside(self) -> bool:
        """Whether a caller began the call, rather than a phone of the desk."""
        return self.events[0]["Channel"].startswith("PJSIP/trunk")

    @property
    def has_local(self) -> bool:
        """Whether a member or a consultation was reached through a Local channel."""
        return any(each.get("Channel", "").startswith("Local/") for each in self.events)

    def _names(self) -> Headers:
        fates: Headers = {}
        for each in self.events:
            uniqueid = each.get("DestUniqueid", "")
            if each["Event"] == "DialEnd":
                fate = FATES.get(each["DialStatus"], each["DialStatus"])
                fates.setdefault(uniqueid, fate)
            elif each["Event"] == "Hangup" and each["Cause"] == "26":
                fates[each["Uniqueid"]] = "elsewhere"
        names: Headers = {}
        order: Counter[str] = Counter()
        for each in self.events:
            if each["Event"] == "Newchannel":
                uniqueid, channel = each["Uniqueid"], each["Channel"]
                if uniqueid == self.call_id:
                    names[uniqueid] = "caller"
                    continue
                if channel.startswith("Local/"):
                    names[uniqueid] = f"half {channel[-1]}"
                    continue
                fate = fates.get(uniqueid, "called")
                kind = "missed" if fate == "missed" else "phone"
                order[kind] += 1
                names[uniqueid] = f"{kind} {order[kind]} ({fate})"
            elif each["Event"] == "BridgeCreate":
                order["bridge"] += 1
                names[each["BridgeUniqueid"]] = f"bridge {order['bridge']}"
        return names

    def tokens(self) -> list[str]:
        """Tell the call as tokens."""
        names = self._names()
        seen: Counter[str] = Counter()
        told = []
        # Music while waiting and music on hold are one event and two matters.
        while_ = ""
        for each in self.events:
            if each["Event"] == "QueueCallerJoin":
                while_ = "waiting"
            elif each["Event"] == "BridgeEnter":
                while_ = "held"
            token = _token(each, names, while_)
            if token is not None:
                seen[token] += 1
                told.append(token if seen[token] == 1 else f"{token} #{seen[token]}")
        return told


def _token(each: Headers, names: Headers, while_: str) -> str | None:
    event = each["Event"]
    who = [names.get(each.get(field, ""), "") for field in ("Uniqueid", "DestUniqueid", "BridgeUniqueid")]
    detail = ""
    if event == "VarSet":
        if each["Variable"].startswith(NOISE_VARIABLES):
            return None
        detail = each["Variable"] + ("=" if each["Value"] else " empty")
    elif event == "Newexten":
        if each["Application"] in NOISE_APPLICATIONS:
            return None
        detail = each["Application"]
    elif event.startswith("MusicOnHold"):
        detail = while_
    elif event == "Newstate":
        detail = each["ChannelStateDesc"]
    elif event in {"DialState", "DialEnd"}:
        detail = each["DialStatus"]
    elif event == "AgentComplete":
        detail = each["Reason"]
    elif event in {"Hangup", "HangupRequest", "SoftHangupRequest"}:
        detail = f"{each.get('Cause', '-')} {each.get('TechCause', '')}".strip()
    return " ".join(part for part in (event, detail, *who) if part)


def calls(events: Iterable[Event]) -> list[Call]:
    """Sort a stream into its calls, in the order in which they began."""
    found: dict[str, Call] = {}
    bridges: dict[str, list[Headers]] = {}
    for each in timed(events):
        linkedid = next((each[name] for name in LINKEDIDS if name in each), None)
        if linkedid is None:
            # A bridge says nothing of channels until one comes in: kept, and put where it belongs in time.
            bridge = each.get("BridgeUniqueid", each.get("ToBridgeUniqueid"))
            if bridge is not None:
                bridges.setdefault(bridge, []).append(each)
            continue
        found.setdefault(linkedid, Call(linkedid)).events.append(each)
    for call in found.values():
        ids = {each["BridgeUniqueid"] for each in call.events if "BridgeUniqueid" in each}
        for bridge in sorted(ids):
            call.events += bridges.get(bridge, [])
        call.events.sort(key=lambda each: float(each["Timestamp"]))
    return list(found.values())
