"""A random desk on a real Asterisk, watched by ringwatch, held against all four witnesses.

Every seed is another desk. The tests play one that is always the same, ``tests/soak`` as many others as one likes.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from ringwatch.core.facts import Call, Fact, to_json
from tests.recording import STREAM, replayed, save
from tests.tools.captures import told as about_calls
from tests.witnesses import compare

from .desk import Desk
from .random_desk import play
from .random_plan import CALLS_PER_SECOND, plan
from .records import Cel
from .stream_copy import copying
from .watching import pbx_table, watching

SECONDS = float(os.environ.get("RINGWATCH_DESK_SECONDS") or 180)
SEED = int(os.environ.get("RINGWATCH_DESK_SEED") or 20261121)


def test_a_seed_is_a_desk() -> None:
    """The same seed plans the same desk, and another seed another one."""
    assert plan(SEED, 100) == plan(SEED, 100)
    assert plan(SEED, 100) != plan(SEED + 1, 100)
    assert len(plan(SEED, 1000).calls) == pytest.approx(1000 * CALLS_PER_SECOND, rel=0.2)


async def test_every_fact_agrees_with_every_witness(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Facts equal queue_log, CDR, CEL and the phones' ledger, through everything a desk does.

    RINGWATCH_DESK_SECONDS is how long, RINGWATCH_DESK_SEED which desk, RINGWATCH_DESK_FOLDER where the recording goes
    (else to pytest's own folder): `python -m tests.tools.compare_recording FOLDER` compares it again, without Asterisk.
    """
    folder = Path(os.environ.get("RINGWATCH_DESK_FOLDER") or tmp_path) / f"desk-{desk.asterisk.version}-{SEED}"
    folder.mkdir(parents=True, exist_ok=True)
    async with watching(folder / "ringwatch", pbx_table(desk.asterisk)) as daemon:
        async with copying(desk.asterisk, folder / STREAM):
            done = await play(desk, SEED, SECONDS)
            with contextlib.suppress(TimeoutError):  # what is missing will be in the verdict
                await daemon.until(
                    lambda facts: told(desk.cel()) <= ended(facts), what="all calls to be told", within=10
                )
        facts = daemon.facts
    verdict = compare(facts, save(folder, desk))
    with capsys.disabled():
        sys.stdout.write(
            f"\nAsterisk {desk.asterisk.version}, seed {SEED}, {SECONDS:.0f} s: {dict(done)}\n{verdict.summary}\n"
        )
    assert not verdict.differences, f"seed {SEED}, {folder}: {verdict}"
    sip_errors = desk.sip_errors()
    (folder / "sip_errors").write_text(sip_errors)
    assert sip_errors == ""
    assert not set(missing(facts, replayed(folder)))
    assert verdict.compared["calls"] >= 0.6 * SECONDS * CALLS_PER_SECOND


def told(rows: Sequence[Cel]) -> set[str]:
    """Return the channels that began a call: they came from a phone or trunk with an extension."""
    return {
        row.uniqueid
        for row in rows
        if row.event == "CHAN_START" and row.uniqueid == row.linkedid and row.extension not in {"", "s"}
    }


def ended(facts: Sequence[Fact]) -> set[str]:
    """Return the calls that are over."""
    return {fact.call_id for fact in facts if isinstance(fact, Call)}


def missing(facts: Sequence[Fact], again: Sequence[Fact]) -> Counter[bytes]:
    """Return what only one of two accounts of the same desk heard about calls."""
    one, two = (Counter(map(to_json, about_calls(each))) for each in (facts, again))
    return (one - two) + (two - one)
