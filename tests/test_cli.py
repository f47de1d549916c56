"""The commands as people and programs call them: what they print, what they leave behind, and how they exit."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from click.testing import CliRunner, Result

from ringwatch import __version__, app, config
from ringwatch.cli import main
from ringwatch.core.facts import Call, Fact, QueueVisit
from ringwatch.simulator import Account, SimulatorServer
from ringwatch.telemetry import Telemetry
from tests.accounting import families, metrics_equal_facts
from tests.parts.program import free_port
from tests.simulator.desks import MONDAY_NINE, busy, small
from tests.tools.captures import NAMES, path, stream
from tests.truth import Truth
from tests.waiting import until

ROOT = Path(__file__).parents[1]
FAULTY = ROOT / "tests/fixtures/config/many-at-once.toml"
SECRET, WRONG = "simulated", "mistyped"
SCENARIOS = str(path("scenarios-22"))


@pytest.fixture(autouse=True)
def _quiet_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no setting of whoever runs the tests, and no slow desk, come between."""
    for name in [name for name in os.environ if name.startswith("RINGWATCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("ringwatch.simulator.server.LONGEST_SLEEP_SECONDS", 0.02)


def call(*arguments: str | Path, given: bytes | None = None) -> Result:
    """Call a command within this process."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=given)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def command(*arguments: str | Path) -> list[str]:
    """Return the command line of a process of its own."""
    return [sys.executable, "-m", "ringwatch", *map(str, arguments)]


def run(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Call a command as a process of its own, and wait for it."""
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=60, check=False, cwd=ROOT, **options
    )


def one_line(text: str) -> str:
    """Return the one line that a text is."""
    (line,) = text.splitlines()
    return line


def read(file: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines; the last may be on its way."""
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def settings(folder: Path, port: int, *, secret: str = SECRET, more: str = "") -> Path:
    """Write a configuration of one PBX."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "ringwatch.toml"
    file.touch(0o600)
    file.write_text(
        f'[[pbx]]\nport = {port}\nusername = "ringwatch"\nsecret = "{secret}"\ntrunks = ["PJSIP/trunk"]\n'
        f'reconnect_min_seconds = 0.05\nreconnect_max_seconds = 0.1\n[web]\nlisten = "127.0.0.1:0"\n{more}\n'
    )
    return file


def desk(**options: Any) -> SimulatorServer:
    """Make a simulated PBX where next to nothing happens until it is let go faster."""
    plan = options.pop("plan", small())
    account = Account(username="ringwatch", secret=SECRET, **options.pop("rights", {}))
    usual: dict[str, Any] = {"speed": 0.001, "start_at": MONDAY_NINE, "refusal_seconds": 0.01}
    return SimulatorServer(plan, account=account, write_buffer_bytes=1 << 28, **{**usual, **options})


@contextlib.contextmanager
def unused_port() -> Iterator[int]:
    """Keep a port on which nobody answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


class Process:
    """A command at work, with what it prints."""

    def __init__(self, process: asyncio.subprocess.Process, out: Path, log: Path) -> None:
        self.process = process
        self.out = out
        self.log = log

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it logged, read as JSON."""
        return read(self.log)

    async def says(self, *events: str, times: int = 1) -> list[dict[str, Any]]:
        """Wait until it has logged some events, and return the lines of the last."""

        def said() -> bool:
            if self.process.returncode is not None:
                raise AssertionError(f"it ended with {self.process.returncode}: {self.log.read_text()}")
            seen = [line["event"] for line in self.lines]
            return all(seen.count(event) >= times for event in events)

        await until(said, f"{events} in the log", within=30)
        return [line for line in self.lines if line["event"] == events[-1]]

    async def get(self, page: str) -> tuple[int, str]:
        """Fetch one of its pages."""
        (started,) = (line for line in self.lines if line["event"] == "started")
        async with aiohttp.ClientSession() as session, session.get(f"http://{started['listen']}{page}") as response:
            return response.status, await response.text()

    async def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; return the exit status, and the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        status = await asyncio.wait_for(self.process.wait(), 30)
        return status, time.monotonic() - began


def _places(folder: Path) -> tuple[Path, Path]:
    folder.mkdir(exist_ok=True)
    return folder / "out", folder / "log"


@asynccontextmanager
async def started(folder: Path, *arguments: str | Path) -> AsyncIterator[Process]:
    """Start a command, and see to it that nothing of it is left behind."""
    out, log = _places(folder)
    with out.open("wb") as stdout, log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(*command(*arguments), stdout=stdout, stderr=stderr, cwd=ROOT)
    try:
        yield Process(process, out, log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class TestHelp:
    """What somebody sees who does not know ringwatch yet."""

    @pytest.mark.parametrize("name", sorted(main.commands))
    def test_every_command_shows_an_example(self, name: str) -> None:
        """One that can be typed as it is: every option in it exists."""
        result = call(name, "--help")
        assert result.exit_code == 0
        example = result.output.partition("Example:")[2].strip().splitlines()[0].strip()
        assert example.startswith(f"ringwatch {name}")
        options = set(re.findall(r"--?[a-z][a-z-]*", example))
        known = {each for parameter in main.commands[name].params for each in parameter.opts}
        assert options <= known
        assert call(name, "-h").output == result.output

    def test_the_beginning_lists_every_command(self) -> None:
        """With a line about each, and where to start."""
        result = call("--help")
        assert result.exit_code == 0
        assert "Start here:" in result.output
        for name, each in main.commands.items():
            assert re.search(rf"^  {name} +{re.escape(each.get_short_help_str()[:30])}", result.output, re.MULTILINE)

    def test_python_m_is_the_same_program(self) -> None:
        """Where the script is not on the path."""
        result = run("--help")
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith("Usage: ")
        assert "ringwatch" in result.stdout.splitlines()[0]
        for name in main.commands:
            assert f"  {name} " in result.stdout

    def test_the_version_is_told(self) -> None:
        """By itself, on standard output."""
        assert call("--version").output == f"ringwatch, version {__version__}\n"

    @pytest.mark.parametrize(
        "arguments",
        [
            *([name, "--nonsense"] for name in sorted(main.commands)),
            ["nonsense"],
            ["replay"],
            ["record"],
            ["replay", SCENARIOS, "extra"],
            ["demo", "--port", "65536"],
            ["simulate", "--speed", "0"],
            ["run", "--seconds", "-1"],
        ],
        ids=" ".join,
    )
    def test_what_is_used_wrongly_exits_2(self, arguments: Sequence[str]) -> None:
        """With the usage, and nothing done."""
        result = call(*arguments)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert "Usage: " in result.stderr


class TestConfiguration:
    """The file, before anything is done with it."""

    @pytest.mark.parametrize(
        ("arguments", "status"),
        [(["run"], 2), (["record", "out.ami"], 2), (["check"], 1), (["check", "--live"], 1)],
        ids=["run", "record", "check", "check --live"],
    )
    def test_a_missing_file_is_told_in_one_line(self, arguments: list[str], status: int, tmp_path: Path) -> None:
        """With its name and what to do; for `check` it is what was looked for, for the others a wrong use."""
        result = call(arguments[0], "-c", tmp_path / "ringwatch.toml", *arguments[1:])
        assert result.exit_code == status
        assert result.stdout == ""
        line = one_line(result.stderr)
        assert line.startswith(f"ringwatch: {tmp_path}/ringwatch.toml: no such file; write one")
        assert not (ROOT / "out.ami").exists()

    @pytest.mark.parametrize(("name", "status"), [("run", 2), ("check", 1)])
    def test_every_fault_is_told_at_once(self, name: str, status: int) -> None:
        """Each in a line of its own, in the order of the file."""
        result = call(name, "-c", FAULTY)
        wanted = [line[3:] for line in FAULTY.read_text().splitlines() if line.startswith("#! ")]
        assert len(wanted) > 5
        assert result.exit_code == status
        assert result.stderr.splitlines() == [f"ringwatch: {line.replace('{file}', str(FAULTY))}" for line in wanted]
        assert "hunter2" not in result.output

    def test_a_program_gets_the_faults_as_data(self) -> None:
        """And the same status."""
        result = call("check", "--json", "-c", FAULTY)
        found = json.loads(result.stdout)
        assert result.exit_code == 1
        assert found["config"] == str(FAULTY)
        assert [f"ringwatch: {fault}" for fault in found["faults"]] == result.stderr.splitlines()

    def test_a_right_file_is_said_to_be_right(self, tmp_path: Path) -> None:
        """For a person and for a program; nobody is called for that."""
        file = settings(tmp_path, 1)
        result = call("check", "-c", file)
        assert (result.exit_code, result.stdout, result.stderr) == (0, f"{file} is right\n", "")
        result = call("check", "--json", "-c", file)
        assert (result.exit_code, json.loads(result.stdout)) == (0, {"config": str(file), "faults": []})

    def test_the_file_can_be_named_in_the_environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As a unit or a container does."""
        file = settings(tmp_path, 1)
        monkeypatch.setenv("RINGWATCH_CONFIG", str(file))
        assert call("check").stdout == f"{file} is right\n"

    def test_what_works_and_is_unwise_is_warned_of(self, tmp_path: Path) -> None:
        """A secret that everyone may read is no fault."""
        file = settings(tmp_path, 1)
        file.chmod(0o644)
        result = call("check", "-c", file)
        assert result.exit_code == 0
        assert "ringwatch: " in one_line(result.stderr)

    def test_an_unknown_pbx_is_used_wrongly(self, tmp_path: Path) -> None:
        """With the names that are known; the output is not touched."""
        result = call("record", "-c", settings(tmp_path, 1), "--pbx", "north", tmp_path / "out.ami")
        assert result.exit_code == 2
        assert "no [[pbx]] is named 'north'; known: main" in result.stderr
        assert not (tmp_path / "out.ami").exists()


class TestReplay:
    """A recording through the whole pipeline."""

    @pytest.mark.parametrize("name", NAMES)
    def test_every_capture_gives_its_facts_and_its_page(self, name: str, tmp_path: Path) -> None:
        """The page adds up to the facts, and the summary to both."""
        facts, page = tmp_path / "facts.jsonl", tmp_path / "page.prom"
        result = call("replay", path(name), "--facts", facts, "--metrics", page, "--json")
        assert (result.exit_code, result.stderr) == (0, "")
        told = app_facts(facts)
        metrics_equal_facts(page.read_text(), told)
        rows = {row["queue"]: row["outcomes"] for row in json.loads(result.stdout)["queues"]}
        visits: dict[str, dict[str, int]] = {}
        for fact in told:
            queue = fact.queue if isinstance(fact, QueueVisit) else fact.line if isinstance(fact, Call) else None
            if queue and isinstance(fact, QueueVisit | Call):
                row = visits.setdefault(queue, {})
                row[fact.outcome] = row.get(fact.outcome, 0) + 1
        assert {queue: outcomes for queue, outcomes in rows.items() if outcomes} == visits

    def test_file_gzip_and_standard_input_are_the_same(self, tmp_path: Path) -> None:
        """Told by content, not by name."""
        plain, packed = tmp_path / "stream.gz", tmp_path / "stream.ami"
        plain.write_bytes(stream("scenarios-22"))
        packed.write_bytes(gzip.compress(stream("scenarios-22")))
        wanted = call("replay", SCENARIOS, "--json").stdout
        assert call("replay", plain, "--json").stdout == wanted
        assert call("replay", packed, "--json").stdout == wanted
        assert call("replay", "-", "--json", given=stream("scenarios-22")).stdout == wanted
        assert call("replay", "-", "--json", given=packed.read_bytes()).stdout == wanted

    def test_a_pipe_is_standard_input(self) -> None:
        """As in ``zcat ... | ringwatch replay -``."""
        with path("scenarios-22").open("rb") as file:
            result = run("replay", "-", "--json", stdin=file)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout == call("replay", SCENARIOS, "--json").stdout

    def test_a_person_gets_a_table(self) -> None:
        """Of queues and lines, and after it one of the standard."""
        result = call("replay", SCENARIOS)
        assert result.exit_code == 0
        queues, _, standard = result.stdout.partition("The service standard, worst first:")
        assert {"support", "sales", "billing", "direct"} == {line.split()[0] for line in queues.splitlines()[3:-1]}
        assert "sales answer by ring 3 up to ring 9 50%, 1 of 2 callers no" in " ".join(standard.split())

    def test_other_thresholds_give_another_standard(self, tmp_path: Path) -> None:
        """With --config the same calls are held to what it says: a what-if."""
        file = tmp_path / "other.toml"
        file.write_text('[[pbx]]\nusername = "a"\nsecret = "b"\n[standard]\nhops = 2\nhold_limit_seconds = 5.5\n')
        file.chmod(0o600)
        as_it_is, other = (
            {(row["queue"], row["measure"]): row for row in json.loads(call(*command).stdout)["standard"]}
            for command in (("replay", SCENARIOS, "--json"), ("replay", SCENARIOS, "--json", "-c", file))
        )
        changed = {key: (as_it_is[key]["kept"], row["kept"]) for key, row in other.items() if row != as_it_is[key]}
        assert changed.pop(("support", "hops")) == (False, True)
        assert changed.pop(("support", "hold")) == (True, False)
        assert {measure for _, measure in changed} == {"hops"}

    def test_the_page_alone_can_be_had_on_standard_output(self) -> None:
        """Nothing else is printed there then."""
        result = call("replay", SCENARIOS, "--metrics", "-")
        assert result.exit_code == 0
        assert len(families(result.stdout)) > 10

    def test_facts_are_appended(self, tmp_path: Path) -> None:
        """Replaying two recordings into one file gives the facts of both."""
        facts = tmp_path / "facts.jsonl"
        for _ in range(2):
            assert call("replay", SCENARIOS, "--facts", facts).exit_code == 0
        lines = facts.read_text().splitlines()
        assert lines[: len(lines) // 2] == lines[len(lines) // 2 :]

    def test_a_configuration_says_how_to_judge(self, tmp_path: Path) -> None:
        """Its cadence, its lines, its name of the PBX, and whether agents are counted."""
        file = settings(
            tmp_path,
            1,
            more='[standard]\ncountry = "uk"\nrings = 1\n[line."ring group"]\nextensions = ["_X."]\n'
            "[metrics]\nagents = true",
        )
        file.write_text(file.read_text().replace("[[pbx]]", '[[pbx]]\nname = "desk"'))
        facts = tmp_path / "facts.jsonl"
        result = call("replay", SCENARIOS, "-c", file, "--metrics", "-", "--facts", facts)
        assert result.exit_code == 0
        assert 'ringwatch_calls_offered_total{hours="open",pbx="desk",queue="ring group"} 1.0' in result.stdout
        assert 'ringwatch_agent_calls_total{agent="Anna",pbx="desk"}' in result.stdout
        assert {line["pbx"] for line in read(facts)} == {"desk"}
        answered = [each for each in read(facts) if each.get("outcome") == "answered" and each["type"] == "queue_visit"]
        # A ring of the uk is 3 s.
        assert [each["desk_rings"] for each in answered] == [
            1 + int(each["desk_ring_seconds"] // 3) for each in answered
        ]
        rings = [each["desk_rings"] if each["caller_rings"] is None else each["caller_rings"] for each in answered]
        assert [each["in_time"] for each in answered] == [number <= 1 for number in rings]
        assert min(rings) == 1 < max(rings)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "No such file or directory"),
            (b"", "holds no AMI message"),
            (b"SIP/2.0 200 OK\r\n\r\n", "holds no AMI message"),
            (gzip.compress(stream("scenarios-22"))[:20_000], "is cut off in its compression"),
            (b"\x1f\x8b garbage", "cannot read"),
        ],
    )
    def test_what_cannot_be_replayed_is_told_in_one_line(
        self, content: bytes | None, message: str, tmp_path: Path
    ) -> None:
        """With the name of the file."""
        file = tmp_path / "stream.ami"
        if content is not None:
            file.write_bytes(content)
        result = call("replay", file)
        assert result.exit_code == 1
        line = one_line(result.stderr)
        assert line.startswith("ringwatch: ")
        assert str(file) in line
        assert message in line

    @pytest.mark.parametrize("option", ["--facts", "--metrics"])
    @pytest.mark.parametrize("place", ["/dev/full", "/nowhere/at/all"])
    def test_what_cannot_be_written_is_told_in_one_line(self, option: str, place: str) -> None:
        """A disk that is full, a folder that is not there."""
        result = call("replay", SCENARIOS, option, place)
        assert result.exit_code == 1
        assert re.fullmatch(rf"ringwatch: cannot write .*{place}: .*", one_line(result.stderr))

    def test_a_name_that_looks_like_markup_is_only_a_name(self, tmp_path: Path) -> None:
        """Square brackets are letters like any other."""
        (tmp_path / "[red]stream[").mkdir()
        file = tmp_path / "[red]stream[" / "].ami"
        file.write_bytes(stream("scenarios-22"))
        assert call("replay", file).exit_code == 0

    @pytest.mark.parametrize("arguments", [["--metrics", "-"], ["--json"], []], ids=["page", "json", "table"])
    def test_a_reader_who_has_seen_enough_is_no_error(self, arguments: list[str]) -> None:
        """As in ``ringwatch replay ... | head -1``: not a word on standard error."""
        line = f"{' '.join(command('replay', path('mix-16'), *arguments))} | head -1"
        result = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
        assert (result.returncode, result.stderr) == (0, "")
        assert len(result.stdout.splitlines()) == 1

    def test_an_output_on_a_full_disk_is_told_in_one_line(self) -> None:
        """``ringwatch replay ... > /dev/full``: exit status 1, and what is wrong."""
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(command("replay", path("mix-16")), stdout=full, stderr=subprocess.PIPE, check=False)
        assert (done.returncode, done.stderr) == (
            1,
            b"ringwatch: the output cannot be written: No space left on device\n",
        )

    @pytest.mark.parametrize("arguments", [["--metrics", "-"], ["--json"]], ids=["page", "json"])
    def test_a_reader_who_has_left_already_is_no_error(self, arguments: list[str]) -> None:
        """The pipe is broken before the first byte."""
        reading, writing = os.pipe()
        os.close(reading)
        try:
            result = subprocess.run(
                command("replay", SCENARIOS, *arguments),
                stdout=writing,
                stderr=subprocess.PIPE,
                timeout=60,
                check=False,
                cwd=ROOT,
            )
        finally:
            os.close(writing)
        assert (result.returncode, result.stderr) == (0, b"")


def app_facts(file: Path) -> list[Fact]:
    """Read facts as facts."""
    return [msgspec.json.decode(line, type=Fact) for line in file.read_bytes().splitlines()]


class TestRun:
    """The daemon as a process."""

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_a_signal_ends_it_well(self, number: signal.Signals, tmp_path: Path) -> None:
        """Within two seconds, with status 0, all facts written, and a log of one JSON object a line."""
        facts = tmp_path / "facts.jsonl"
        async with (
            desk() as server,
            started(tmp_path, "run", "-c", settings(tmp_path, server.port), "--facts", facts) as daemon,
        ):
            await daemon.says("attached")
            server.speed = 200
            await until(lambda: sum(line["type"] == "call" for line in read(facts)) >= 3, "some facts")
            status, page = await daemon.get("/-/ready")
            assert (status, page) == (200, "ringwatch is ready\n")
            result, seconds = await daemon.end(number)
        assert (result, daemon.out.read_bytes()) == (0, b"")
        assert seconds < 2
        # The desk's clock runs 200 times as fast as the daemon's.
        events = [line["event"] for line in daemon.lines if not line["event"].startswith("alert_")]
        assert events == ["started", "attached", "stopped"]
        assert all({"timestamp", "level"} <= line.keys() for line in daemon.lines)
        assert facts.read_bytes().endswith(b"\n")
        outcomes = {line["call_id"]: line["outcome"] for line in read(facts) if line["type"] == "call"}
        assert outcomes.keys() == {line["call_id"] for line in read(facts) if "call_id" in line}

    async def test_a_wrong_password_is_one_line_and_status_1(self, tmp_path: Path) -> None:
        """On standard error, with what to do, and without a word of the secret."""
        async with (
            desk() as server,
            started(
                tmp_path, "run", "-c", settings(tmp_path, server.port, secret=WRONG, more='[log]\nlevel = "error"')
            ) as daemon,
        ):
            assert await asyncio.wait_for(daemon.process.wait(), 30) == 1
        line = one_line(daemon.log.read_text())
        assert line.startswith("ringwatch: the login of 'ringwatch' was refused: ")
        assert "compare username and secret" in line
        assert WRONG not in line

    async def test_a_pbx_that_is_away_is_waited_for_and_said_to_be(self, tmp_path: Path) -> None:
        """Log lines are JSON off a terminal; the daemon goes on until it is told to stop."""
        with unused_port() as port:
            async with started(tmp_path, "run", "-c", settings(tmp_path, port)) as daemon:
                lines = await daemon.says("started", "detached")
                assert (await daemon.get("/-/healthy"))[0] == 200
                assert (await daemon.get("/-/ready"))[0] == 503
                status, seconds = await daemon.end()
        assert (status, seconds < 2) == (0, True)
        assert lines[0]["level"] == "error"
        assert lines[0]["pbx"] == "main"
        assert lines[0]["why"] == f"cannot connect to 127.0.0.1:{port}: Connection refused"
        assert "manager.conf" in lines[0]["remedy"]

    async def test_a_reader_of_the_pages_does_not_hold_up_the_end(self, tmp_path: Path) -> None:
        """An open connection of Prometheus, or of one who has fallen asleep."""
        async with desk() as server, started(tmp_path, "run", "-c", settings(tmp_path, server.port)) as daemon:
            (line,) = await daemon.says("attached", "started")
            host, port = line["listen"].split(":")
            idle = await asyncio.open_connection(host, port)
            half = await asyncio.open_connection(host, port)
            half[1].write(b"GET /metrics HTTP/1.1\r\n")
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://{host}:{port}/metrics") as response:
                    assert response.status == 200
                status, seconds = await daemon.end()
            for _, writer in (idle, half):
                writer.close()
        assert (status, seconds < 2) == (0, True)

    def test_an_address_that_is_taken_is_one_line_and_status_1(self, tmp_path: Path) -> None:
        """Before anything else."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            file = settings(tmp_path, 1)
            file.write_text(file.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
            result = run("run", "-c", file)
        assert result.returncode == 1
        assert one_line(result.stderr) == (
            f"ringwatch: cannot listen on 127.0.0.1:{port}: Address already in use; "
            "give [web] listen, or the demo's --port, a free one"
        )

    def test_facts_that_cannot_be_written_are_one_line_and_status_1(self, tmp_path: Path) -> None:
        """It was asked for them."""
        result = call("run", "-c", settings(tmp_path, 1), "--facts", tmp_path / "no" / "facts.jsonl")
        assert result.exit_code == 1
        assert one_line(result.stderr).startswith(
            f"ringwatch: cannot write facts to {tmp_path}/no/facts.jsonl: No such"
        )

    def test_an_end_can_be_set(self, tmp_path: Path) -> None:
        """It is a good end, whether or not the PBX was there."""
        with unused_port() as port:
            result = run("run", "-c", settings(tmp_path, port), "--seconds", "0.2")
        assert result.returncode == 0
        lines = [json.loads(line) for line in result.stderr.splitlines()]
        assert (lines[0]["event"], lines[-1]["event"]) == ("started", "stopped")


class TestRecord:
    """A live stream to a file, and back."""

    async def test_a_recording_tells_what_the_daemon_told(self, tmp_path: Path) -> None:
        """Replayed, plain or compressed, it gives the facts of a daemon that listened to the same stream."""
        plan = busy()
        file, plain, packed = settings(tmp_path, 1), tmp_path / "stream.ami", tmp_path / "stream.ami.gz"
        disguised, facts = tmp_path / "disguised.ami", tmp_path / "live.jsonl"
        async with desk(plan=plan) as server:
            file = settings(tmp_path, server.port)
            stop = asyncio.Event()
            daemon = app.Daemon(config.load(file, {}), Telemetry(_Silent()), facts=facts)
            watching = asyncio.create_task(daemon.run(stop))
            async with (
                started(tmp_path / "1", "record", "-c", file, plain) as first,
                started(tmp_path / "2", "record", "-c", file, packed) as second,
                started(tmp_path / "3", "record", "-c", file, "--pseudonymise", disguised) as third,
            ):
                recorders = first, second, third
                await until(
                    lambda: all("attached to" in each.log.read_text() for each in recorders),
                    "every recorder to be attached",
                    within=30,
                )
                await until(lambda: daemon.pumps[0].attached, "the daemon to be attached")
                server.speed = 300
                await until(lambda: server.desk.now > MONDAY_NINE + 240, "the desk to have worked")
                server.desk.close_doors()
                await until(lambda: not server.desk.open_calls, "the last caller to be gone", within=60)
                truth = Truth(plan, server.desk.ledger)
                await until(lambda: len(truth.calls) == _calls(read(facts)), "every call to be told")
                await until(lambda: server.desk.next_at > server.desk.now + 1, "the last word to be said")
                heard = daemon.pumps[0].event_counts["Hangup"]
                outputs = plain, packed, disguised
                await until(lambda: all(_hangups(each) == heard for each in outputs), "every recorder to have heard it")
                for each in recorders:
                    status, seconds = await each.end(signal.SIGINT)
                    assert (status, seconds < 2) == (0, True)
            stop.set()
            await asyncio.wait_for(watching, 10)

        for recorder, output in ((first, plain), (second, packed), (third, disguised)):
            lines = recorder.log.read_text().splitlines()
            assert lines[0].startswith(f"attached to 127.0.0.1:{config.load(file, {}).pbx[0].port}, AMI ")
            assert re.fullmatch(rf"{re.escape(str(output))}: \d{{3,}} messages", lines[-1])
        assert len(truth.calls) > 50
        told = _of_calls(facts)
        rows = []
        for output in (plain, packed, disguised):
            again = tmp_path / f"{output.name}.jsonl"
            # In a thread: the command brings a loop of its own.
            result = await asyncio.to_thread(call, "replay", output, "-c", file, "--facts", again, "--json")
            assert result.exit_code == 0
            assert output is disguised or _of_calls(again) == told
            rows.append(json.loads(result.stdout))
        assert rows[0] == rows[1] == rows[2]
        text = disguised.read_text()
        numbers = [each.caller for each in truth.calls.values() if len(each.caller) >= 6]
        assert len(numbers) > 50
        assert not [number for number in numbers if number in text]
        assert not [name for name in ("Agent 10", "Phone 12") if name in text]

    def test_a_wrong_password_is_one_line_and_status_1(self, tmp_path: Path) -> None:
        """A recording is asked for once: it does not wait until somebody mends it."""
        result = asyncio.run(self._refused(tmp_path))
        assert result.returncode == 1
        assert "was refused" in one_line(result.stderr)

    async def _refused(self, folder: Path) -> subprocess.CompletedProcess[str]:
        async with desk() as server:
            file = settings(folder, server.port, secret=WRONG)
            return await asyncio.to_thread(run, "record", "-c", file, folder / "stream.ami")

    def test_a_place_that_cannot_be_written_is_one_line_and_status_1(self, tmp_path: Path) -> None:
        """Before anybody is called."""
        result = call("record", "-c", settings(tmp_path, 1), tmp_path / "no" / "stream.ami")
        assert result.exit_code == 1
        assert one_line(result.stderr) == f"ringwatch: cannot write {tmp_path}/no/stream.ami: No such file or directory"


def _hangups(recording: Path) -> int:
    """Count the hangups in a recording that is being written."""
    data = recording.read_bytes()
    text = zlib.decompressobj(wbits=31).decompress(data) if recording.suffix == ".gz" else data
    return text.count(b"Event: Hangup\r\n")


def _of_calls(file: Path) -> list[str]:
    """Return the facts of calls, in an order of their own; of agents a listing tells, when each one asks for it.

    Alerts of a silence are by the daemon's clock, and the desk's runs 300 times as fast.
    """
    lines = file.read_text().splitlines()
    return sorted(line for line in lines if json.loads(line)["type"] not in {"agent_state", "membership", "alert"})


def _calls(facts: Sequence[dict[str, Any]]) -> int:
    return sum(fact["type"] == "call" for fact in facts)


class _Silent:
    """A log that nobody reads."""

    def log(self, level: int, event: str, **fields: object) -> None:
        """Say nothing."""


class TestSimulate:
    """A PBX to develop against."""

    async def test_it_serves_until_it_is_told_to_stop(self, tmp_path: Path) -> None:
        """It says where and with which account; a daemon can be pointed at it."""
        async with started(tmp_path, "simulate", "--port", "0", "--speed", "50", "--always-open", "--seed", "3") as pbx:
            await until(lambda: pbx.out.read_text().endswith("\n"), "the address")
            said = re.fullmatch(
                r"Manager Interface on 127\.0\.0\.1:(\d+), user ringwatch, secret simulated",
                one_line(pbx.out.read_text()),
            )
            assert said
            result = await asyncio.to_thread(
                run, "check", "--live", "--json", "--seconds", "0.2", "-c", settings(tmp_path, int(said[1]))
            )
            status, seconds = await pbx.end()
        assert (status, seconds < 2, pbx.log.read_text()) == (0, True, "")
        (report,) = json.loads(result.stdout)
        assert (report["error"], report["findings"]["read system"]["verdict"]) == (None, "ok")

    def test_an_end_can_be_set(self) -> None:
        """For a script that needs a PBX for a moment."""
        result = run("simulate", "--port", "0", "--seconds", "0.1", "--username", "somebody", "--secret", "else")
        assert (result.returncode, result.stderr) == (0, "")
        assert one_line(result.stdout).endswith(", user somebody, secret else")

    def test_a_port_that_is_taken_is_one_line_and_status_1(self) -> None:
        """Perhaps by a real Asterisk."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            result = call("simulate", "--port", str(port), "--seconds", "0")
        assert (result.exit_code, result.stdout) == (1, "")
        assert one_line(result.stderr) == (
            f"ringwatch: cannot listen on 127.0.0.1:{port}: Address already in use; "
            "give --port a free one, or 0 for any"
        )


class TestCheck:
    """What the account cannot see."""

    async def test_an_account_that_lacks_something_is_status_1_and_is_told_how_to_mend_it(self, tmp_path: Path) -> None:
        """In lines to copy, on standard output; nothing on standard error off a terminal."""
        rights = {"read": frozenset({"call", "agent", "system"}), "write": frozenset[str]()}
        async with desk(plan=small(calls_per_hour=3000), rights=rights, speed=100) as server:
            file = settings(tmp_path, server.port)
            result = await asyncio.to_thread(run, "check", "--live", "--seconds", "0.5", "-c", file)
        assert (result.returncode, result.stderr) == (1, "")
        lines = [line.strip() for line in result.stdout.splitlines()]
        assert lines[-3:] == ["[ringwatch]", "read = system,call,agent,dialplan", "write = reporting"]

    async def test_an_account_that_lacks_nothing_is_status_0(self, tmp_path: Path) -> None:
        """For a program the findings are data."""
        async with desk(plan=small(calls_per_hour=3000), speed=100) as server:
            file = settings(tmp_path, server.port)
            result = await asyncio.to_thread(run, "check", "--live", "--json", "--seconds", "0.5", "-c", file)
        (report,) = json.loads(result.stdout)
        assert (result.returncode, report["well"], report["pbx"]) == (0, True, "main")

    def test_a_pbx_that_is_away_is_status_1(self, tmp_path: Path) -> None:
        """In one line, at once, whatever the patience."""
        with unused_port() as port:
            result = call("check", "--live", "--seconds", "600", "-c", settings(tmp_path, port))
        assert result.exit_code == 1
        assert "Connection refused" in one_line(result.stdout)

    async def test_a_sink_that_refuses_is_status_1(self, tmp_path: Path) -> None:
        """However well the account is; for a program it is one more finding."""
        async with desk(plan=small(calls_per_hour=3000), speed=100) as server:
            file = settings(tmp_path, server.port, more=f'[alertmanager]\nurls = ["http://127.0.0.1:{free_port()}"]\n')
            result = await asyncio.to_thread(run, "check", "--live", "--json", "--seconds", "0.5", "-c", file)
        pbx, sink = json.loads(result.stdout)
        assert (result.returncode, pbx["well"]) == (1, True)
        assert (sink["sink"], sink["error"]) == ("alertmanager", "Connection refused")
