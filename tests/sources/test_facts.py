"""Reading facts back from the file that a daemon appends to."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from ringwatch.core.facts import to_json
from ringwatch.core.readings import Reading
from ringwatch.errors import QueueLogError
from ringwatch.sources.facts import read_facts, recent_facts
from tests.sinks.samples import EVERY_KIND, GAP, VISIT

FACTS = [fact for fact in EVERY_KIND if not isinstance(fact, Reading)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file with a fact of every kind."""
    file = tmp_path / "facts.jsonl"
    file.write_bytes(b"".join(to_json(fact) + b"\n" for fact in FACTS))
    return file


def test_every_kind_of_fact_comes_back_as_it_was(path: Path) -> None:
    """With the number of its line."""
    assert list(read_facts(path)) == list(enumerate(FACTS, 1))
    assert recent_facts(path) == FACTS


def test_facts_of_the_first_version_are_read(path: Path) -> None:
    """They did not say who told them: it was AMI."""
    later = b',"uniqueid":"","source":"ami","precision":0.001'
    visit = replace(VISIT, uniqueid="")
    assert later in to_json(visit)
    path.write_bytes(to_json(visit).replace(later, b""))
    assert recent_facts(path) == [visit]


def test_facts_of_a_later_version_are_passed_over(path: Path) -> None:
    """A kind that is not known yet is no fault of the file, further fields are none; an empty line is nothing."""
    later = to_json(GAP).replace(b'"why"', b'"because":1,"why"')
    path.write_bytes(b'{"type":"promise","pbx":"main","state":"kept"}\n\n' + later + b"\n")
    assert list(read_facts(path)) == [(3, GAP)]
    assert recent_facts(path) == [GAP]


@pytest.mark.parametrize("line", [b'{"type":"gap","pbx":"main"}', b'{"type":"queue_vi', b"[]", b"\xff\n"])
def test_a_line_that_cannot_be_read_is_told_as_such(path: Path, line: bytes) -> None:
    """A disk that was full leaves half a line."""
    path.write_bytes(line + b"\n" + to_json(GAP) + b"\n")
    assert next(fact for _, fact in read_facts(path)) is None
    assert recent_facts(path) == [GAP]


def test_the_end_of_a_long_file_is_enough(path: Path) -> None:
    """A daemon that starts again wants the last hours of a file of years; the line that was cut is left out."""
    size = len(to_json(FACTS[-1])) + len(to_json(FACTS[-2])) + 2
    assert recent_facts(path, size) == FACTS[-1:]
    assert recent_facts(path, size + 1) == FACTS[-2:]


def test_a_file_that_is_not_there_is_said_only_where_it_was_asked_for(tmp_path: Path) -> None:
    """Before the first run there is none."""
    assert recent_facts(tmp_path / "none") == []
    with pytest.raises(QueueLogError, match=r"cannot read .*none: No such file"):
        list(read_facts(tmp_path / "none"))
    with pytest.raises(QueueLogError, match="Is a directory"):
        recent_facts(tmp_path)
