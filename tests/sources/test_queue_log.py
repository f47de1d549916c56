"""Reading logs: whole, rotated, compressed, exported from a database, and while Asterisk writes them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta, timezone
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringwatch.core.queue_log import Line
from ringwatch.errors import QueueLogError
from ringwatch.sources.queue_log import QueueLogFiles, QueueLogTail, Tally, in_order, rotated
from tests.core.queue_log.logs import captured
from tests.tools.captures import CAPTURES
from tests.tools.properties import PATIENT

WHOLE = CAPTURES / "mix-22" / "queue_log"
SMALL = CAPTURES / "scenarios-22" / "queue_log"
NINE = 1_795_424_400


def line(at: int, rest: str = "1.0|support|NONE|ABANDON|1|1|5") -> bytes:
    """Write a line, ``at`` counted from nine."""
    return f"{NINE + at}|{rest}\n".encode()


def moments(lines: list[Line]) -> list[int]:
    """Return when lines were written, counted from nine."""
    return [round(each.at) - NINE for each in lines]


def without_places(lines: list[Line]) -> list[tuple[object, ...]]:
    """Return what lines say, wherever they stand."""
    return [(each.at, each.call_id, each.queue, each.agent, each.event, each.wait, each.text) for each in lines]


def read_all(*paths: Path, **keys: object) -> tuple[list[Line], Tally]:
    """Read files, and return what was counted besides."""
    files = QueueLogFiles(paths, **keys)  # type: ignore[arg-type]
    return list(files.lines()), files.tally


class TestFiles:
    """Logs that nobody writes to."""

    def test_every_line_says_where_it_stands(self) -> None:
        """The file and the number of the line in it."""
        found, tally = read_all(SMALL)
        assert without_places(found) == without_places(list(captured("scenarios-22")))
        assert [each.place for each in found] == [f"{SMALL}:{number}" for number in range(1, len(found) + 1)]
        assert (tally.lines, tally.damaged, tally.torn, tally.foreign) == (len(found), 0, 0, {})

    @pytest.mark.parametrize(
        "compress", [gzip.compress, bz2.compress, lzma.compress, bytes], ids=["gzip", "bzip2", "xz", "plain"]
    )
    def test_compression_is_told_by_content(self, tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
        """The name says nothing: logrotate may add a suffix, people may take it away."""
        path = tmp_path / "queue_log.txt"
        path.write_bytes(compress(SMALL.read_bytes()))
        assert without_places(read_all(path)[0]) == without_places(list(captured("scenarios-22")))

    def test_a_rotated_set_is_read_by_what_is_in_it(self, tmp_path: Path) -> None:
        """Neither the names' order nor the command line's, nor the files' dates."""
        lines = WHOLE.read_bytes().splitlines(keepends=True)
        parts = [lines[:200], lines[200:201], lines[201:450], lines[450:]]
        names = ["queue_log.10.gz", "queue_log.0", "queue_log-20261121", "queue_log"]
        paths = []
        for age, (name, part) in enumerate(zip(names, parts, strict=True)):
            path = tmp_path / name
            path.write_bytes(gzip.compress(b"".join(part)) if name.endswith(".gz") else b"".join(part))
            os.utime(path, (NINE - age, NINE - age))
            paths.append(path)
        Random(7).shuffle(paths)  # noqa: S311 - an order, not a secret
        assert [path.name for path in in_order(paths)] == names
        assert without_places(read_all(*paths)[0]) == without_places(list(captured("mix-22")))

    def test_a_file_that_is_empty_or_damaged_at_its_beginning_has_its_place(self, tmp_path: Path) -> None:
        """An empty one anywhere, another by its first line that can be read."""
        empty, early, late = tmp_path / "c", tmp_path / "b", tmp_path / "a"
        empty.write_bytes(b"")
        early.write_bytes(b"\0\0\0garbage\n" + line(1))
        late.write_bytes(line(2))
        found, tally = read_all(late, early, empty)
        assert (moments(found), tally.damaged) == ([1, 2], 1)
        assert tally.examples[0].place == f"{early}:1"

    def test_a_last_line_without_its_end_is_no_line(self, tmp_path: Path) -> None:
        """What was going to be 40 seconds reads as 4."""
        path = tmp_path / "queue_log"
        path.write_bytes(line(0) + line(9, "1.0|support|Anna|COMPLETECALLER|6|40|1")[:-4])
        found, tally = read_all(path)
        assert (moments(found), tally.torn, tally.damaged) == ([0], 1, 0)

    def test_names_keep_their_letters_as_they_do_from_ami(self, tmp_path: Path) -> None:
        """UTF-8 is read, other bytes stay readable, and no other letter ends a line."""
        path = tmp_path / "queue_log"
        path.write_bytes(
            line(0, "1.0|поддержка|Zo\u2028ë|COMPLETEAGENT|1|2|3") + b"%d|1.0|\xe9|NONE|ABANDON|1|1|5\r\n" % NINE
        )
        first, second = read_all(path)[0]
        assert (first.queue, first.agent) == ("поддержка", "Zo\u2028ë")
        assert second.queue == "\\xe9"

    def test_foreign_events_are_counted_by_name(self, tmp_path: Path) -> None:
        """A dialplan may write any, so their number is bounded."""
        path = tmp_path / "queue_log"
        path.write_bytes(b"".join(line(at, f"1.0|support|NONE|MINE{at % 60}|") for at in range(120)))
        tally = read_all(path)[1]
        assert (tally.foreign["MINE3"], tally.foreign["others"], len(tally.foreign)) == (2, 20, 51)

    def test_what_is_no_log_is_refused(self, tmp_path: Path) -> None:
        """With a word on what is wanted; a log of nothing but foreign events is one."""
        path = tmp_path / "queue_log"
        path.write_bytes(b"; some other file\n[general]\n")
        with pytest.raises(QueueLogError, match="no line of a queue_log in") as caught:
            read_all(path)
        assert caught.value.remedy is not None

    def test_what_cannot_be_read_is_said(self, tmp_path: Path) -> None:
        """A file that is not there, one that is cut off in its compression, one that is none inside."""
        with pytest.raises(QueueLogError, match="No such file"):
            read_all(tmp_path / "nowhere")
        path = tmp_path / "queue_log.gz"
        path.write_bytes(gzip.compress(WHOLE.read_bytes())[:-3000])
        with pytest.raises(QueueLogError, match=f"cannot read {path}"):
            read_all(path)
        path.write_bytes(gzip.compress(SMALL.read_bytes())[:20] + b"\xff" * 100)
        with pytest.raises(QueueLogError, match=f"cannot read {path}"):
            read_all(path)

    def test_any_bytes_are_read_or_refused(self, tmp_path: Path) -> None:
        """Nothing but the one error comes out."""
        path = tmp_path / "queue_log"
        starts = [b"", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"time,callid,queuename,agent,event\n", line(1)]

        @PATIENT
        @given(st.sampled_from(starts), st.binary(max_size=200))
        def read_or_refused(start: bytes, raw: bytes) -> None:
            path.write_bytes(start + raw)
            with suppress(QueueLogError):
                read_all(path)

        read_or_refused()


class TestExports:
    """The database's table as CSV."""

    HEADER = "id,time,callid,queuename,agent,event,data1,data2,data3,data4,data5\n"

    def test_an_export_tells_what_the_file_tells(self, tmp_path: Path) -> None:
        """Every line of a recorded log as a row, shuffled: one database's ORDER BY is another's rest."""
        rows = []
        for number, text in enumerate(SMALL.read_text(encoding="utf-8").splitlines()):
            at, call, queue, agent, event, *data = text.split("|")
            data = [*data, *[""] * (5 - len(data))]
            # Rows of one second are told apart by the fraction that the table keeps.
            rows.append(",".join([str(number), f"{at}.{number:06}", call, queue, agent, event, *data]))
        Random(7).shuffle(rows)  # noqa: S311 - an order, not a secret
        path = tmp_path / "export.csv"
        path.write_text(self.HEADER + "\n".join(rows), encoding="utf-8")
        found, _ = read_all(path)
        told = [(int(each.at), *rest) for each in found for rest in [(each.call_id, each.event, each.wait, each.talk)]]
        assert told == [
            (int(each.at), each.call_id, each.event, each.wait, each.talk) for each in captured("scenarios-22")
        ]

    @pytest.mark.parametrize(
        ("header", "row"),
        [
            (
                "time,callid,queuename,agent,event,data",
                '2026-11-23 09:00:05.250000,1.0,"a,b|c",NONE,ABANDON,1|1|5',
            ),
            (
                "Time;CallID;QueueName;Agent;Event;Data1;Data2;Data3;Data4;Data5",
                "2026-11-23T09:00:05.25;1.0;a,b|c;NONE;ABANDON;1;1;5;;",
            ),
            (
                "\ufefftime\tcallid\tqueuename\tagent\tevent\tdata",
                "1795424405.25\t1.0\ta,b|c\tNONE\tABANDON\t1|1|5",
            ),
            (
                '"time", "callid", "queuename", "agent", "event", "data"',
                '"2026-11-23 10:00:05.25+01:00", "1.0", "a,b|c", "NONE", "ABANDON", "1|1|5"',
            ),
        ],
    )
    def test_columns_are_found_by_name_whatever_separates_them(self, tmp_path: Path, header: str, row: str) -> None:
        """Comma, semicolon or tab; times as the PBX's clock writes them, or seconds."""
        path = tmp_path / "export.csv"
        path.write_text(f"{header}\n{row}\n", encoding="utf-8")
        (found,), _ = read_all(path)
        assert (found.at, found.queue, found.event, found.wait) == (NINE + 5.25, "a,b|c", "ABANDON", 5)
        assert found.place == f"{path}:2"

    def test_times_without_a_zone_are_taken_in_the_given_one(self, tmp_path: Path) -> None:
        """Without queue_log_realtime_use_gmt Asterisk writes its own local time."""
        path = tmp_path / "export.csv"
        path.write_text(f"{self.HEADER}1,2026-11-23 10:00:05,1.0,support,NONE,ABANDON,1,1,5,,\n", encoding="utf-8")
        (found,), _ = read_all(path, zone=timezone(timedelta(hours=1)))
        assert found.at == NINE + 5

    def test_a_row_without_a_time_is_damaged(self, tmp_path: Path) -> None:
        """The others are read."""
        path = tmp_path / "export.csv"
        rows = "1,,1.0,support,NONE,ABANDON,1,1,5,,\n\n2,2026-11-23 09:00:05,1.0,support,NONE,ABANDON,1,1,5,,\n"
        path.write_text(self.HEADER + rows, encoding="utf-8")
        found, tally = read_all(path)
        assert (moments(found), tally.damaged) == ([5], 1)
        assert tally.examples[0].why == "the column time holds none"

    def test_a_table_that_cannot_be_taken_apart_is_refused(self, tmp_path: Path) -> None:
        """A field without an end swallows the rest."""
        path = tmp_path / "export.csv"
        path.write_text(self.HEADER + '1,"' + "x" * 140_000, encoding="utf-8")
        with pytest.raises(QueueLogError, match="not a table"):
            read_all(path)


class TestTail:
    """A log that Asterisk is writing."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """Return where the log is, or will be."""
        return tmp_path / "queue_log"

    def test_it_need_not_be_there_yet(self, path: Path) -> None:
        """Asterisk makes it when it starts."""
        tail = QueueLogTail(path)
        assert tail.read() == []
        path.write_bytes(line(1))
        assert moments(tail.read()) == [1]
        assert tail.read() == []
        tail.close()

    def test_a_line_is_read_once_it_is_whole(self, path: Path) -> None:
        """Half of it may be there for a while."""
        tail = QueueLogTail(path)
        whole = line(1) + line(2)
        for end in range(0, len(whole), 7):
            path.write_bytes(whole[:end])
            assert moments(tail.read()) in ([], [1])
        path.write_bytes(whole)
        assert moments(tail.read()) == [2]
        assert tail.tally.torn == 0
        tail.close()

    def test_a_file_that_was_moved_away_is_read_to_its_end(self, path: Path) -> None:
        """logrotate moves it and makes a new one; Asterisk writes to the old one until it is told (logger reload)."""
        tail = QueueLogTail(path)
        path.write_bytes(line(1))
        assert moments(tail.read()) == [1]
        moved = path.with_name("queue_log.1")
        path.rename(moved)
        assert tail.read() == []
        with moved.open("ab") as file:
            file.write(line(2))
        assert moments(tail.read()) == [2]
        path.touch()
        with moved.open("ab") as file:
            file.write(line(3))
        assert moments(tail.read()) == [3]
        with moved.open("ab") as file:
            file.write(line(4))
        path.write_bytes(line(5))
        assert moments(tail.read()) == [4, 5]
        with path.open("ab") as file:
            file.write(line(6))
        found = tail.read()
        assert (moments(found), found[0].place) == ([6], f"{path}:2")
        tail.close()

    @pytest.mark.parametrize("grown", [1, 2, 3, 5])
    def test_a_file_that_was_copied_and_emptied_is_read_from_its_beginning(self, path: Path, grown: int) -> None:
        """copytruncate; it may have grown beyond what it was before anybody looks."""
        tail = QueueLogTail(path)
        path.write_bytes(line(1) + line(2))
        assert moments(tail.read()) == [1, 2]
        shutil.copy(path, path.with_name("queue_log.1"))
        with path.open("r+b") as file:
            file.truncate()
            file.writelines(line(10 + number) for number in range(grown))
        assert moments(tail.read()) == [10 + number for number in range(grown)]
        tail.close()

    def test_a_line_that_was_never_finished_is_counted(self, path: Path) -> None:
        """The file was taken away in the middle of it."""
        tail = QueueLogTail(path)
        path.write_bytes(line(1) + line(2)[:20])
        assert moments(tail.read()) == [1]
        path.unlink()
        path.write_bytes(line(3))
        assert (moments(tail.read()), tail.tally.torn) == ([3], 1)
        tail.close()

    def test_the_past_is_read_from_the_rotated_files_as_well(self, path: Path) -> None:
        """What is older than asked for is passed over, and files that are older are not opened."""
        path.with_name("queue_log.1").write_bytes(line(-100) + line(-1))
        path.with_name("queue_log-20261121.gz").write_bytes(gzip.compress(line(-70) + line(-50)))
        path.with_name("queue_logs").write_bytes(line(-20))
        path.with_name("queue_log.d").mkdir()
        for each in path.parent.iterdir():
            os.utime(each, (NINE, NINE))
        old = path.with_name("queue_log.2")
        old.write_bytes(line(-30))
        os.utime(old, (NINE - 5000, NINE - 5000))
        path.write_bytes(line(1))
        assert [each.name for each in rotated(path, NINE - 60)] == ["queue_log.1", "queue_log-20261121.gz"]
        tail = QueueLogTail(path, since=NINE - 60, older=True)
        assert moments(tail.read()) == [-1, -50, 1]
        assert tail.read() == []
        tail.close()

    def test_a_rotated_file_that_cannot_be_read_does_not_hinder(self, path: Path) -> None:
        """The present matters more than the past."""
        path.with_name("queue_log.1").write_bytes(b"\x1f\x8bnot gzip")
        path.write_bytes(line(1))
        tail = QueueLogTail(path, older=True)
        assert moments(tail.read()) == [1]
        tail.close()

    def test_what_cannot_be_read_is_said_each_time(self, path: Path) -> None:
        """And read as soon as it can be."""
        path.mkdir()
        tail = QueueLogTail(path)
        with pytest.raises(QueueLogError, match=f"cannot read {path}: Is a directory"):
            tail.read()
        tail.close()

    def test_a_log_written_in_pieces_through_rotations_is_read_whole(self, tmp_path: Path) -> None:
        """Whatever is written when, and however it is rotated, every line comes once and in order."""
        lines = WHOLE.read_bytes().splitlines(keepends=True)[:80]

        @PATIENT
        @given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["go on", "rename", "look"])), min_size=5))
        def written(steps: list[tuple[int, str]]) -> None:
            folder = tmp_path / "run"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            path, generation, done = folder / "queue_log", 0, 0
            tail = QueueLogTail(path)
            found: list[Line] = []
            for count, then in steps:
                with path.open("ab") as file:
                    file.writelines(lines[done : done + count])
                done = min(done + count, len(lines))
                if then != "go on":
                    found += tail.read()
                if then == "rename":
                    generation += 1
                    path.rename(folder / f"queue_log.{generation}")
            found += tail.read()
            tail.close()
            assert without_places(found) == without_places(list(captured("mix-22")[:done]))

        written()
