"""What may befall a call, case by case on a real Asterisk, watched by ringwatch and held against all four witnesses.

Recorded, the cases are the captures ``cases-22`` and ``cases-16``: RINGWATCH_DESK_FOLDER is where a recording goes.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from tests.recording import STREAM, replayed, save
from tests.stories import stories
from tests.tools.captures import told as about_calls
from tests.witnesses import compare

from .cases import CASES
from .desk import Desk
from .stream_copy import copying
from .watching import ended, pbx_table, watching


async def test_every_case_is_told_as_it_was_played(desk: Desk, tmp_path: Path) -> None:
    """Each case's calls are told as written beside it, and all facts agree with queue_log, CDR, CEL and the phones."""
    folder = Path(os.environ.get("RINGWATCH_DESK_FOLDER") or tmp_path) / f"cases-{desk.asterisk.version}"
    folder.mkdir(parents=True, exist_ok=True)
    spans: dict[str, tuple[float, float]] = {}
    async with watching(tmp_path / "ringwatch", pbx_table(desk.asterisk)) as daemon:
        async with copying(desk.asterisk, folder / STREAM):
            for name, case in CASES.items():
                start = time.time()
                await case.play(desk)
                spans[name] = (start, time.time())
            calls = sum(not line.startswith("-") for case in CASES.values() for line in case.told)
            await daemon.until(lambda facts: ended(facts) >= calls, what="all calls to be told")
        facts = daemon.facts
    (folder / "cases.json").write_text(json.dumps(spans, indent=1) + "\n")
    verdict = compare(facts, save(folder, desk))
    told = stories(facts, spans)
    assert {name: sorted(told[name]) for name in told} == {name: sorted(case.told) for name, case in CASES.items()}
    assert verdict.differences == [], verdict
    assert about_calls(replayed(folder)) == about_calls(facts)
    assert desk.sip_errors() == ""
