"""The call-back ledger on recordings of real Asterisks, held against figures worked out by hand."""

from __future__ import annotations

import pytest

from ringwatch.ami.translator import Translator
from ringwatch.core.engine import Engine
from ringwatch.core.facts import Call, Callback, Record
from ringwatch.core.readings import CallbacksReading
from ringwatch.core.standards import Policy, Standard
from ringwatch.sources.pseudonyms import Pseudonyms
from tests.accounting import metrics_equal_facts
from tests.asterisk.records import read_cdr, read_queue_log
from tests.sinks.test_metrics import metrics
from tests.tools.captures import CAPTURES, NAMES, blocks

POLICY = Policy(default=Standard(short_abandon_seconds=0, callback_seconds=70), trunks=("PJSIP/trunk",))
TRUNK = "PJSIP/trunk-"


def told(name: str, *, disguised: bool) -> list[Record]:
    """Return all that is told of a recording, as it is or in pseudonyms."""
    pseudonyms = Pseudonyms(b"of this test")
    given = [pseudonyms.disguise(block) for block in blocks(name)] if disguised else blocks(name)
    engine = Engine("main", POLICY)
    records = [record for event in Translator().feed(given) for record in engine.apply(event)]
    return [*records, *engine.close()]


@pytest.mark.parametrize("disguised", [False, True], ids=["as it is", "in pseudonyms"])
@pytest.mark.parametrize("name", ["scenarios-22", "scenarios-16"])
def test_the_scripted_callers_who_were_not_served(name: str, *, disguised: bool) -> None:
    """Four are owed a call-back within 70 s, one is called back in time, and two are overdue at the end.

    Nobody who hangs up early is let off here. By queue_log and CDR of scenarios-22, in seconds from 1795276000 on
    (scenarios-16 is the same play, 270 s later): 0201000007 ABANDON in support at 865; 0201000010 ABANDON in sales at
    937; 0201000011 to 3001, which is no queue's, NO ANSWER up to 16:02:23, at 943; 0201000013 EXITWITHTIMEOUT in sales
    at 1006. All others have a CONNECT. 108's phone is rung at 946 for a call to 90201000011 and answers, and the
    customer does at 949. Of that no queue knows, and its CDR is written after the recording: the call lasts until 1010.
    The recording ends at 1013: 7 was due at 935 and 10 at 1007, and they never called again; 13 is due at 1076.
    """
    records = told(name, disguised=disguised)
    facts = [each for each in records if isinstance(each, Callback)]
    assert [(each.queue, each.state, each.by) for each in facts] == [
        ("support", "owed", None),
        ("sales", "owed", None),
        ("direct", "owed", None),
        ("sales", "owed", None),
        ("direct", "settled", "desk"),
    ]
    if not disguised:
        assert [each.caller[-2:] for each in facts] == ["07", "10", "11", "13", "11"]
    if name == "scenarios-22":
        assert [int(each.at) - 1_795_276_000 for each in facts] == [865, 937, 943, 1006, 949]
        assert [int(each.due_at) - 1_795_276_000 for each in facts] == [935, 1007, 1013, 1076, 1013]
    last = {each.queue: (each.owed, each.overdue) for each in records if isinstance(each, CallbacksReading)}
    assert last == {"support": (1, 1), "sales": (2, 1), "direct": (0, 0)}
    metrics_equal_facts(metrics(*records, policy=POLICY).render(), records)


@pytest.mark.parametrize("name", NAMES)
def test_whoever_was_not_served_by_the_records_is_owed_a_call_back(name: str) -> None:
    """Callers of whom queue_log has no CONNECT and CDR no answered direct call: each once, and nobody else.

    But for those of whom the recording does not tell the end. A caller's records are found by the number, which each
    caller of these recordings has for one call alone.
    """
    records = told(name, disguised=False)
    connected = {line.call_id for line in read_queue_log(CAPTURES / name / "queue_log") if line.event == "CONNECT"}
    calls = [row for row in read_cdr(CAPTURES / name / "cdr.csv") if row.channel.startswith(TRUNK)]
    direct = {
        row.uniqueid for row in calls if row.lastapp != "Queue" and row.disposition == "ANSWERED" and row.dstchannel
    }
    unknown = {each.caller for each in records if isinstance(each, Call) and each.outcome == "unknown"}
    unserved = {row.src for row in calls} - {row.src for row in calls if row.uniqueid in connected | direct} - unknown
    owed = [each.caller for each in records if isinstance(each, Callback) and each.state == "owed"]
    assert sorted(owed) == sorted(unserved)
    assert len(owed) >= 4
