"""A desk's run as files: the stream one account heard, what Asterisk and the phones say happened, what was told.

One folder holds ``stream.ami.gz``, ``queue_log``, ``cdr.csv``, ``cel.csv.gz`` and ``ledger.json``: enough to hold
tomorrow's ringwatch against today's desk without an Asterisk. See `tests.tools.compare_recording`.
"""

from __future__ import annotations

import gzip
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ringwatch.core.facts import Fact
from tests.asterisk.desk import Desk, PhoneDeed
from tests.asterisk.desk import Ledger as DeskLedger
from tests.asterisk.phones import PhoneCall
from tests.asterisk.records import Cel, read_cdr, read_cel, read_queue_log
from tests.deeds import Deed, DeedKind, Ledger, Pickup, Ringing
from tests.together import Interval, number_of
from tests.tools.captures import blocks_of, facts_of
from tests.witnesses import Witnesses

STREAM = "stream.ami.gz"
_ANSWER_NEAR = 0.5
"""Seconds between a phone's answer as the phone and as Asterisk saw it."""
_ACTIONS: dict[str, DeedKind] = {"BlindTransfer": "blind", "Atxfer": "attended", "Park": "park"}


def save(folder: Path, desk: Desk) -> Witnesses:
    """Put down what Asterisk and the phones say happened, and return it."""
    asterisk = desk.asterisk
    shutil.copy(asterisk.queue_log, folder / "queue_log")
    shutil.copy(asterisk.cdr, folder / "cdr.csv")
    (folder / "cel.csv.gz").write_bytes(gzip.compress(asterisk.cel.read_bytes()))
    shutil.copy(asterisk.log, folder / "asterisk.log")
    (folder / "ledger.json").write_bytes(msgspec.json.encode(ledger_of(desk.ledger, desk.cel())))
    return load(folder)


def load(folder: Path) -> Witnesses:
    """Read what `save` put down."""
    return Witnesses(
        read_queue_log(folder / "queue_log"),
        read_cdr(folder / "cdr.csv"),
        read_cel(folder / "cel.csv.gz"),
        msgspec.json.decode((folder / "ledger.json").read_bytes(), type=Ledger),
    )


def replayed(folder: Path) -> list[Fact]:
    """Return what ringwatch says today of the stream in a folder."""
    return facts_of(blocks_of(gzip.decompress((folder / STREAM).read_bytes())))


def ledger_of(ledger: DeskLedger, rows: Sequence[Cel]) -> Ledger:
    """Bring a desk's ledger into the words of the comparison; the channel event log knows the names of the channels."""
    channels = _channels(ledger.phone_calls, rows)
    ends = {row.uniqueid: row.time for row in rows if row.event == "CHAN_END"}
    names = {row.uniqueid: row.channel for row in rows}
    pickups = [
        Pickup(
            call.number,
            channels[call.call_id],
            Interval(call.answered, ends[channels[call.call_id]]),
            call.answered - (call.ringing or call.answered),
            _holds(call, ends[channels[call.call_id]], ledger.phone_deeds),
        )
        for call in ledger.phone_calls
        if call.answered is not None and channels.get(call.call_id) in ends
    ]
    deeds = [
        Deed(
            done.at,
            _ACTIONS[done.action],
            str(done.headers["Channel"]),
            str(done.headers.get("Exten", "")),
            keys=done.action == "Atxfer",
        )
        for done in ledger.actions
        if done.action in _ACTIONS
    ]
    deeds += [
        Deed(
            deed.at,
            "attended" if deed.attended else "blind",
            names[channels[deed.call.call_id]],
            deed.to,
            deed.keys,
        )
        for deed in ledger.phone_deeds
        if deed.call.call_id in channels
    ]
    ringing = [
        Ringing(call.number, call.offered, _rang(call), call.end == "forwarded")
        for call in ledger.phone_calls
        if call.number.isdecimal()
    ]
    return Ledger(pickups, deeds, ringing)


def _holds(call: PhoneCall, ended: float, deeds: Sequence[PhoneDeed]) -> tuple[Interval, ...]:
    """Return when a phone held its caller: Asterisk takes a REFER as the end of the hold."""
    ended = min([ended, *(deed.at for deed in deeds if deed.call is call and not deed.keys)])
    return tuple(Interval(hold.start, min(hold.end or ended, ended)) for hold in call.holds if hold.start < ended)


def _rang(call: PhoneCall) -> float:
    ended = call.answered if call.answered is not None else call.ended
    return 0.0 if call.ringing is None or ended is None else ended - call.ringing


def _channels(calls: Sequence[PhoneCall], rows: Sequence[Cel]) -> dict[str, str]:
    """Return the Uniqueid of the channel of each call that a phone answered, by the call's SIP Call-ID."""
    answers: dict[str, list[Cel]] = defaultdict(list)
    for row in rows:
        if row.event == "ANSWER" and not row.channel.startswith("Local/"):
            answers[number_of(row.channel.rpartition("-")[0])].append(row)
    found: dict[str, str] = {}
    for call in sorted((each for each in calls if each.answered is not None), key=lambda each: each.answered or 0):
        answered = call.answered or 0
        near = [row for row in answers[call.number] if abs(row.time - answered) <= _ANSWER_NEAR]
        if near:
            nearest = min(near, key=lambda row: abs(row.time - answered))
            answers[call.number].remove(nearest)
            found[call.call_id] = nearest.uniqueid
    return found
