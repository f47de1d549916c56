"""How fast the whole pipeline is beside the bare parsing of two other libraries: one run, the same bytes.

Usage::

    python -m tests.bench.compare [--json] [--rounds N] [--events N]

pyst2 and panoramisk: their own reading of lines and parsing of messages, nothing more. ringwatch: everything from bytes
to facts and a rendered page of metrics. What counts is the ratio: each round measures all of them one after the other,
the best of the rounds is taken of each. ``ChanVariable`` headers are taken out of the stream: pyst2 dies of the first.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from asterisk.manager import EOL, ManagerMsg
from panoramisk.ami_protocol import AMIProtocol

from ringwatch.ami.framing import Framer
from ringwatch.ami.translator import Translator
from ringwatch.core.engine import Engine
from ringwatch.core.standards import Policy
from ringwatch.sinks.metrics import MetricsSink

CAPTURE = Path(__file__).parent.parent / "captures" / "mix-22" / "stream.ami.gz"
CHUNK = 64 * 1024
# The span of the capture is under four minutes: copies that are further apart never share a time or a Uniqueid.
_APART = 1000
_CHANNEL_VARIABLE = re.compile(rb"[A-Za-z]*ChanVariable[^\r]*\r\n")
_EPOCH = re.compile(rb"\b179528[0-9]{4}\b")


def stream(events: int) -> bytes:
    """Return the capture as often as it takes for that many events, every copy with times and Uniqueids of its own."""
    once = gzip.decompress(CAPTURE.read_bytes())
    body = _CHANNEL_VARIABLE.sub(b"", once[once.index(b"\r\n") + 2 :])
    copies = -(-events // body.count(b"Event: "))

    def moved(copy: int) -> bytes:
        return _EPOCH.sub(lambda match: b"%d" % (int(match[0]) + copy * _APART), body)

    return once[: once.index(b"\r\n") + 2] + b"".join(moved(copy) for copy in range(copies))


def chunks(data: bytes) -> Iterator[bytes]:
    """Cut the stream as a socket would."""
    for start in range(0, len(data), CHUNK):
        yield data[start : start + CHUNK]


def ringwatch(data: bytes) -> int:
    """Run the whole pipeline; return the number of events."""
    framer, translator, engine = Framer(), Translator(), Engine("main", Policy())
    metrics = MetricsSink({"main": Policy()})
    for chunk in chunks(data):
        records = []
        for event in translator.feed(framer.feed(chunk)):
            records += engine.apply(event)
        records += engine.readings()
        metrics.apply(records)
    metrics.apply(engine.close())
    assert metrics.render()
    return translator.counts.total()


def pyst2(data: bytes) -> int:
    """Do what pyst2 does with every line, then with every message, without its sockets, threads and queues."""
    events = 0
    lines: list[str] = []
    for raw in io.BytesIO(data):
        line = raw.decode("utf8", "ignore")
        if line != EOL:
            lines.append(line)
        elif lines:
            events += ManagerMsg(lines).has_header("Event")
            lines = []
    return events


class _Counter:
    """Takes what panoramisk's protocol hands over."""

    save_stream = None

    def __init__(self) -> None:
        self.events = 0

    def dispatch(self, _message: object) -> None:
        self.events += 1


def panoramisk(data: bytes) -> int:
    """Let panoramisk's protocol cut and parse the bytes; return the number of events."""
    protocol, counter = AMIProtocol(), _Counter()
    protocol.connection_made(None)
    protocol.encoding = "utf8"
    protocol.factory = counter
    for chunk in chunks(data):
        protocol.data_received(chunk)
    return counter.events


CONTESTANTS: dict[str, Callable[[bytes], int]] = {"pyst2": pyst2, "panoramisk": panoramisk, "ringwatch": ringwatch}


def measure(events: int, rounds: int) -> dict[str, dict[str, float]]:
    """Return events, best seconds and events per second of each, and the ratio to pyst2."""
    data = stream(events)
    best = dict.fromkeys(CONTESTANTS, float("inf"))
    counted = dict.fromkeys(CONTESTANTS, 0)
    for _ in range(rounds):
        for name, contestant in CONTESTANTS.items():
            started = time.perf_counter()
            counted[name] = contestant(data)
            best[name] = min(best[name], time.perf_counter() - started)
    return {
        name: {
            "events": counted[name],
            "seconds": round(best[name], 4),
            "events_per_second": round(counted["ringwatch"] / best[name]),
            "times_pyst2": round(best["pyst2"] / best[name], 2),
        }
        for name in CONTESTANTS
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=50_000)
    options = parser.parse_args()
    figures = measure(options.events, options.rounds)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    print(f"{'':12}{'events':>9}{'seconds':>9}{'events/s':>11}{'x pyst2':>9}")
    for name, row in figures.items():
        shown = f"{row['events']:>9}{row['seconds']:>9.3f}{row['events_per_second']:>11,}{row['times_pyst2']:>9.2f}"
        print(f"{name:12}{shown}")


if __name__ == "__main__":
    main()
