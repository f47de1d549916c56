"""Callers whom a queue does not let in."""

from __future__ import annotations

from tests.core.desk import Desk
from tests.core.told import Told

from .queue_log.logs import log


def test_a_caller_let_in_at_the_second_try_has_the_number_that_queue_log_gives() -> None:
    """A refusal is in no log, so it is numbered apart: else the log's first stay would be taken for the refusal."""
    caller = Desk().caller("0201000003")
    caller.is_refused("support", "JOINEMPTY").after(5).is_refused("support", "FULL").after(5)
    told = Told(caller.joins("support").after(8).hangs_up().desk.records)
    assert [(visit.outcome, visit.ordinal) for visit in told.visits] == [
        *(("refused_empty", -1), ("refused_full", -2), ("abandoned", 1))
    ]
    assert len({offer.key for offer in told.offers}) == len({visit.key for visit in told.visits}) == 3
    logged = log(f"""
        0|{told.call.call_id}|support|NONE|ENTERQUEUE||0201000003|1
        8|{told.call.call_id}|support|NONE|ABANDON|1|1|8
    """)
    assert logged.story.visit.key == told.visits[-1].key
