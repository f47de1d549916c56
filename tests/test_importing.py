"""``ringwatch import``: a queue_log through the pipeline of a recording, told once however often it is imported."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from ringwatch import importing
from ringwatch.cli import main
from ringwatch.core.facts import Fact, Gap, Leg, QueueVisit, Record, RingAttempt, to_json
from ringwatch.core.standards import Policy
from ringwatch.flow.hub import Inbox
from ringwatch.sinks.facts_file import FactsFile
from ringwatch.sinks.metrics import MetricsSink
from ringwatch.sources.facts import recent_facts
from ringwatch.sources.queue_log import QueueLogFiles, Tally
from tests.accounting import metrics_equal_facts
from tests.core.queue_log.logs import NINE, Log, captured
from tests.tools.captures import CAPTURES, NAMES, blocks, facts_of
from tests.waiting import until

SMALL = CAPTURES / "scenarios-22" / "queue_log"
MIX = CAPTURES / "mix-22" / "queue_log"


def run(*arguments: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["import", *map(str, arguments)])


def visits(path: Path) -> list[QueueVisit]:
    """Return the visits of a facts file."""
    return [fact for fact in recent_facts(path) if isinstance(fact, QueueVisit)]


def write(path: Path, facts: list[Fact]) -> None:
    """Write a facts file."""
    path.write_bytes(b"".join(to_json(fact) + b"\n" for fact in facts))


@pytest.mark.parametrize("name", NAMES)
def test_every_visit_of_a_recorded_log_is_told(name: str, tmp_path: Path) -> None:
    """With its rings, its conversation and its transfer, and marked with its source."""
    facts = tmp_path / "facts.jsonl"
    ran = run(CAPTURES / name / "queue_log", "--facts", facts)
    assert ran.exit_code == 0
    stories = Log(captured(name)).stories
    assert visits(facts) == [story.visit for story in stories]
    told = recent_facts(facts)
    assert [fact for fact in told if isinstance(fact, RingAttempt)] == [a for story in stories for a in story.attempts]
    assert [fact for fact in told if isinstance(fact, Leg)] == [story.leg for story in stories if story.leg]
    assert all(getattr(fact, "source", "queue_log") == "queue_log" for fact in told)


async def test_the_page_of_metrics_is_what_the_facts_add_up_to(tmp_path: Path) -> None:
    """Every counter and histogram, as where AMI tells."""
    page, facts = MetricsSink({"main": Policy()}, agents=True), FactsFile(tmp_path / "facts.jsonl")
    done = await importing.import_files(QueueLogFiles([MIX]), "main", Policy(), [page, facts])
    assert (done.visits, done.open_visits, done.tally.lines) == (216, 2, 625)
    metrics_equal_facts(page.render(), recent_facts(tmp_path / "facts.jsonl"))


def test_the_page_can_be_written(tmp_path: Path) -> None:
    """As a replay writes it."""
    page = tmp_path / "page.prom"
    assert run(SMALL, "--metrics", page, "--pbx", "east").exit_code == 0
    assert 'ringwatch_calls_total{hours="open",outcome="answered",pbx="east",queue="support"} 8.0' in page.read_text()


def test_a_person_gets_the_summary_of_a_replay() -> None:
    """One line a queue, and the standard as far as a log tells of it."""
    ran = run(SMALL)
    assert ran.exit_code == 0
    assert "support 9 8 1 0 - 2.8 7.0 13.0" in [" ".join(line.split()) for line in ran.stdout.splitlines()]


def test_a_program_gets_what_was_read_and_the_queues(tmp_path: Path) -> None:
    """And what was passed over."""
    path = tmp_path / "queue_log"
    path.write_bytes(
        MIX.read_bytes() + b"%d|1.0|support|NONE|MINE|x\n%d|1.0|support|NONE|ABANDON|x\n17952" % (NINE, NINE)
    )
    found = json.loads(run(path, "--json").stdout)
    assert found["log"] == {
        "lines": 628,
        "visits": 216,
        "told_before": 0,
        "open_visits": 2,
        "foreign_events": {"MINE": 1},
        "damaged_lines": 1,
        "torn_lines": 1,
        "misfit_lines": 0,
    }
    assert sum(queue["offered"] for queue in found["queues"]) == 216


def test_a_person_is_told_what_was_passed_over(tmp_path: Path) -> None:
    """On standard error, so that what is printed stays what was asked for."""
    path = tmp_path / "queue_log"
    lost = SMALL.read_bytes().replace(b"1795276858|1795276858.18|support|NONE|ENTERQUEUE||0201000006|1\n", b"")
    path.write_bytes(lost + b"%d|1.0|support|NONE|MINE|x\n%d|2.0|a|NONE|ENTERQUEUE||1|1\nx|y\n179" % (NINE, NINE))
    ran = run(path)
    assert ran.exit_code == 0
    assert ran.stderr.splitlines() == [
        "ringwatch: events that Asterisk itself does not write, passed over: MINE (1)",
        f"ringwatch: lines that cannot be read: 1, the first: {path}:54: 2 parts where there are at least 5",
        "ringwatch: files that end in the middle of a line: 1",
        (
            f"ringwatch: lines that fit nothing: 1, the first: {path}:25: CONNECT: "
            "the caller was not seen to join the queue"
        ),
        "ringwatch: visits without an end in the log, not told: 1",
    ]


def test_examples_of_misfits_are_bounded() -> None:
    """The count is not."""
    done = importing.Imported(Tally(), misfits=["a: b"], misfit_count=5000)
    assert done.notes() == ["lines that fit nothing: 5000, the first: a: b"]


def test_importing_twice_changes_nothing(tmp_path: Path) -> None:
    """Not even the file."""
    facts = tmp_path / "facts.jsonl"
    run(MIX, "--facts", facts)
    first = facts.read_bytes()
    ran = run(MIX, "--facts", facts)
    assert facts.read_bytes() == first
    assert "visits told before, left as they are: 216" in ran.stderr


def test_importing_in_pieces_is_importing_the_whole(tmp_path: Path) -> None:
    """A log that is imported every night tells each visit once, those that were open the night before included."""
    lines = MIX.read_bytes().splitlines(keepends=True)
    facts, log = tmp_path / "facts.jsonl", tmp_path / "queue_log"
    for until_line in range(50, len(lines) + 50, 50):
        log.write_bytes(b"".join(lines[:until_line]))
        assert run(log, "--facts", facts).exit_code == 0
    whole = [story.visit for story in Log(captured("mix-22")).stories]
    assert sorted(visits(facts), key=lambda visit: visit.key) == sorted(whole, key=lambda visit: visit.key)


def test_what_ami_told_is_left_as_it_is(tmp_path: Path) -> None:
    """It is finer; of what the log tells nothing is doubled, by whatever channel a caller joined."""
    facts = tmp_path / "facts.jsonl"
    write(facts, facts_of(blocks("mix-16")))
    before = facts.read_bytes()
    assert run(CAPTURES / "mix-16" / "queue_log", "--facts", facts).exit_code == 0
    assert facts.read_bytes() == before


def test_what_ami_told_without_its_end_is_told_again(tmp_path: Path) -> None:
    """Under the identity that AMI gave it; a visit that it did not tell is added."""
    facts = tmp_path / "facts.jsonl"
    heard = facts_of(blocks("scenarios-22"))
    told = [fact for fact in heard if isinstance(fact, QueueVisit)]
    cut = replace(told[3], outcome="unknown", agent=None, talk_ended_by=None)
    write(facts, [cut if fact is told[3] else fact for fact in heard if fact is not told[5]])
    run(SMALL, "--facts", facts)
    final = {visit.key: visit for visit in visits(facts)}
    assert final.keys() == {visit.key for visit in told}
    assert (final[cut.key].outcome, final[cut.key].agent) == (told[3].outcome, told[3].agent)
    assert (final[cut.key].joined_at, final[cut.key].source) == (cut.joined_at, "queue_log")
    assert final[told[5].key].source == "queue_log"


def test_a_rotated_set_is_imported_as_one_log(tmp_path: Path) -> None:
    """A visit may begin in one file and end in the next."""
    lines = MIX.read_bytes().splitlines(keepends=True)
    (tmp_path / "queue_log.1.gz").write_bytes(gzip.compress(b"".join(lines[:300])))
    (tmp_path / "queue_log").write_bytes(b"".join(lines[300:]))
    facts = tmp_path / "facts.jsonl"
    assert run(tmp_path / "queue_log", tmp_path / "queue_log.1.gz", "--facts", facts).exit_code == 0
    assert visits(facts) == [story.visit for story in Log(captured("mix-22")).stories]


def test_a_configuration_judges_the_log(tmp_path: Path) -> None:
    """Its PBX by name, its standard by queue."""
    config, facts = tmp_path / "ringwatch.toml", tmp_path / "facts.jsonl"
    config.touch(0o600)
    config.write_text(
        '[[pbx]]\nname = "west"\nusername = "a"\nsecret = "b"\n'
        '[[pbx]]\nname = "east"\nusername = "a"\nsecret = "b"\n'
        '[queue."support"]\nshort_abandon_seconds = 9\n'
    )
    assert run(SMALL, "-c", config, "--pbx", "east", "--facts", facts).exit_code == 0
    told = visits(facts)
    assert {visit.pbx for visit in told} == {"east"}
    assert "short_abandoned" in {visit.outcome for visit in told if visit.queue == "support"}
    assert run(SMALL, "-c", config, "--pbx", "north").exit_code == 2


def test_what_is_no_log_is_refused_in_one_line(tmp_path: Path) -> None:
    """Exit status 1, and what to give instead; 2 where the command is used wrongly."""
    path = tmp_path / "facts.jsonl"
    write(path, [Gap(pbx="main", from_=1.0, to=2.0, why="disconnected")])
    ran = run(path)
    assert ran.exit_code == 1
    assert ran.stderr.startswith(f"ringwatch: no line of a queue_log in {path}; give the file")
    assert run().exit_code == 2
    assert run(SMALL, MIX, "--follow").exit_code == 2


class Kept:
    """A sink that keeps what it is given."""

    name = "kept"

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def run(self, inbox: Inbox) -> None:
        """Keep until the inbox is closed."""
        while records := await inbox.get():
            self.records += records


async def test_a_live_log_is_told_as_it_is_written(tmp_path: Path) -> None:
    """From its beginning, through a rotation, to what is written last before the end is asked for."""
    lines = SMALL.read_bytes().splitlines(keepends=True)
    path, kept, stop = tmp_path / "queue_log", Kept(), asyncio.Event()
    following = asyncio.create_task(importing.import_live(path, "main", Policy(), [kept], stop, poll=0.01))

    def told() -> int:
        return sum(isinstance(record, QueueVisit) for record in kept.records)

    path.write_bytes(b"".join(lines[:20]))
    await until(lambda: told() > 4, "the visits of the first lines")
    path.rename(tmp_path / "queue_log.1")
    path.write_bytes(b"".join(lines[20:40]))
    await until(lambda: told() > 8, "the visits of the next file")
    with path.open("ab") as file:
        file.writelines(lines[40:])
    stop.set()
    done = await asyncio.wait_for(following, 20)
    assert (done.visits, told(), done.open_visits) == (14, 14, 0)
