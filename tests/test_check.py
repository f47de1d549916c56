"""``ringwatch check --live``: what a stream proves about an account, and the lines that mend it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from rich.console import Console

from ringwatch import config
from ringwatch.check import MEND, Evidence, Report, check_live, check_sinks
from ringwatch.simulator import Account, SimulatorServer
from tests.parts.program import free_port
from tests.simulator.desks import MONDAY_NINE, small
from tests.sinks.broker import Broker
from tests.sinks.receiver import Receiver
from tests.tools.captures import NAMES, blocks

MANAGER_CONF = Path(__file__).parents[1] / "config/asterisk/manager.d/ringwatch.conf"
USEFUL = re.compile(rb"Event: (?!VarSet|DeviceStateChange|RTCP|TestEvent)|Event: VarSet(?s:.*)Variable: QUEUESTATUS\r")
SECRET = "simulated"  # noqa: S105 - of a desk that lives for one test


def verdicts(given: Iterable[bytes]) -> dict[str, str]:
    """Return what a stream proves, by finding."""
    evidence = Evidence()
    for block in given:
        evidence.take(block)
    return {name: verdict for name, (verdict, _) in evidence.findings().items()}


def readable(*classes: bytes, name: str = "scenarios-22") -> list[bytes]:
    """Return a capture as an account would have got it that may read only some classes."""
    found = []
    for block in blocks(name):
        match = re.match(rb"Event: [^\r]*\r\nPrivilege: ([^\r,]*)", block)
        if match is None or match[1] in classes:
            found.append(block)
    return found


class TestEvidence:
    """What is concluded from what arrives."""

    @pytest.mark.parametrize("name", NAMES)
    def test_a_real_stream_proves_the_account_good(self, name: str) -> None:
        """Every class was seen and events tell their time; the lab's account filtered nothing, which is advice."""
        found = verdicts(blocks(name))
        assert found.pop("filters") == "advice"
        assert set(found.values()) == {"ok"}

    @pytest.mark.parametrize("name", NAMES)
    def test_with_the_filters_nothing_is_left_to_say(self, name: str) -> None:
        """The stream as our own account gets it."""
        filtered = [block for block in blocks(name) if not block.startswith(b"Event: ") or USEFUL.match(block)]
        assert set(verdicts(filtered).values()) == {"ok"}

    @pytest.mark.parametrize(
        ("classes", "missing"),
        [
            ((b"call", b"agent", b"dialplan"), {"read system"}),
            ((b"system", b"agent", b"dialplan"), {"read call"}),
            ((b"system", b"call", b"dialplan"), {"read agent"}),
            ((b"system", b"call", b"agent"), {"read dialplan"}),
            ((b"agent",), {"read system", "read call", "read dialplan"}),
            ((b"dialplan",), {"read system", "read agent"}),
        ],
    )
    def test_a_class_is_missing_when_another_proves_it(self, classes: tuple[bytes, ...], missing: set[str]) -> None:
        """A caller in a queue makes events of every class: who sees one and not the other lacks the right."""
        found = verdicts(readable(*classes))
        assert {name for name, verdict in found.items() if verdict == "missing"} == missing

    def test_without_proof_nothing_is_claimed(self) -> None:
        """On a silent desk nobody knows; what was not seen is no reproach."""
        found = verdicts(block for block in blocks("scenarios-22")[:4] if b"QueueCallerJoin" not in block)
        assert found["read call"] == found["read agent"] == found["read dialplan"] == "unseen"
        assert found["timestamps"] == found["filters"] == "unseen"
        assert found["read system"] == "ok"

    def test_a_stream_without_timestamps_is_seen(self) -> None:
        """By any event that should have had one."""
        bare = [re.sub(rb"\r\nTimestamp: [^\r]*", b"", block) for block in blocks("scenarios-22")]
        assert verdicts(bare)["timestamps"] == "missing"

    def test_a_refused_listing_is_a_missing_right_to_write(self) -> None:
        """CoreShowChannels is the one thing that is asked for which needs a class."""
        refusal = b"Response: Error\r\nActionID: ringwatch-3\r\nMessage: Permission denied"
        assert verdicts([*blocks("scenarios-22"), refusal])["write reporting"] == "missing"

    def test_a_filter_is_advised_from_a_share_that_is_worth_it(self) -> None:
        """And the advice says how much of the stream it would save."""
        useful = [block for block in blocks("scenarios-22") if USEFUL.match(block)]
        noise = [block for block in blocks("scenarios-22") if block.startswith(b"Event: VarSet")]
        assert verdicts([*useful, *noise[:5]])["filters"] == "ok"
        evidence = Evidence()
        for block in [*useful, *noise]:
            evidence.take(block)
        verdict, note = evidence.findings()["filters"]
        assert verdict == "advice"
        assert re.fullmatch(r"\d\d% of the bytes are events that no rule reads", note)

    def test_the_variable_that_counts_is_no_noise(self) -> None:
        """QUEUESTATUS alone says why a caller left."""
        queue_status = [block for block in blocks("mix-22") if b"\r\nVariable: QUEUESTATUS\r" in block]
        assert len(queue_status) > 20
        assert verdicts(queue_status)["filters"] == "ok"

    @pytest.mark.parametrize(
        "block", [b"", b"Event: ", b"Event: X", b"Event: X\r\nPrivilege: ", b"\xff", b"Response: "]
    )
    def test_anything_may_arrive(self, block: bytes) -> None:
        """A check does not fail on what it does not understand."""
        assert verdicts([block])["read call"] == "unseen"


def report(*missing: str, advice: tuple[str, ...] = ()) -> Report:
    """Return a report of an account that lacks something."""
    made = Report("main", "ringwatch")
    for name in MEND:
        made.findings[name] = ("missing", "because") if name in missing else ("ok", "")
    for name in advice:
        made.findings[name] = ("advice", "much of it")
    return made


def told(made: Report) -> str:
    """Return a report as a person reads it."""
    stream = io.StringIO()
    made.show(Console(file=stream, width=100))
    return stream.getvalue()


class TestReport:
    """What is told, and what to do about it."""

    def test_an_account_that_sees_everything_is_well(self) -> None:
        """There is nothing to mend."""
        good = report()
        assert good.well
        assert good.mend == []
        assert "manager.conf" not in told(good)

    def test_what_is_missing_is_mended_in_its_section_once(self) -> None:
        """Two missing classes are one line; [general] comes before the account."""
        poor = report("read agent", "read call", "timestamps", "write reporting")
        assert not poor.well
        assert poor.mend == [
            "[general]",
            "timestampevents = yes",
            "[ringwatch]",
            "read = system,call,agent,dialplan",
            "write = reporting",
        ]
        shown = [line.strip() for line in told(poor).splitlines()]
        assert shown[-len(poor.mend) :] == poor.mend

    def test_advice_is_no_fault(self) -> None:
        """The lines are shown, and the status is that all is well."""
        advised = report(advice=("filters",))
        assert advised.well
        assert advised.mend == ["[ringwatch]", MEND["filters"][1]]
        shown = told(advised).splitlines()
        assert [line.strip() for line in shown if "eventfilter" in line] == MEND["filters"][1].splitlines()

    def test_lines_to_copy_are_never_broken(self) -> None:
        """However narrow the terminal."""
        stream = io.StringIO()
        report("read call", advice=("filters",)).show(Console(file=stream, width=30))
        for line in MEND["filters"][1].splitlines():
            assert f"  {line}\n" in stream.getvalue()

    def test_an_error_is_one_line(self) -> None:
        """Long or not, and shown as it is: it may repeat what the other end said."""
        made = Report("main", "ringwatch", error="this is no Manager Interface: it says '[/]SSH-2.0'; " + "see " * 40)
        assert told(made).count("\n") == 1
        assert "[/]SSH-2.0" in told(made)
        assert not made.well

    def test_a_program_gets_the_same(self) -> None:
        """As plain data."""
        assert report("timestamps").as_json() == {
            "pbx": "main",
            "well": False,
            "error": None,
            "findings": {
                name: {"verdict": "missing", "note": "because"}
                if name == "timestamps"
                else {"verdict": "ok", "note": ""}
                for name in MEND
            },
            "mend": ["[general]", "timestampevents = yes"],
        }

    def test_the_lines_are_those_of_the_account_we_recommend(self) -> None:
        """What mends an account makes it the one in config/asterisk, to the letter."""
        lines = [line.strip() for line in MANAGER_CONF.read_text().splitlines()]
        ours = [line for line in lines if line.startswith(("read = ", "write = ", "eventfilter = "))]
        mending = dict.fromkeys(text for section, text in MEND.values() if section == "account")
        assert "\n".join(mending).splitlines() == ours
        (general,) = (text for section, text in MEND.values() if section == "general")
        assert any(line.removeprefix(";").strip().startswith(general) for line in lines)


def configured(port: int, name: str = "main", secret: str = SECRET, more: str = "") -> config.Config:
    """Return the configuration of one PBX."""
    return config.parse(
        f'pbx = [{{name = "{name}", port = {port}, username = "ringwatch", secret = "{secret}"}}]\n{more}', "test"
    )


def desk(**rights: frozenset[str]) -> SimulatorServer:
    """Make a simulated PBX that is busy enough to prove everything within a moment."""
    return SimulatorServer(
        small(calls_per_hour=3000),
        account=Account(username="ringwatch", secret=SECRET, **rights),
        speed=100,
        start_at=MONDAY_NINE,
        refusal_seconds=0.01,
        write_buffer_bytes=1 << 28,
    )


async def checked(settings: config.Config, proven: Callable[[Report], object]) -> Report:
    """Check one PBX, for as long as it takes to prove something."""
    for seconds in (0.3, 1.0, 5.0, 20.0):
        (made,) = await check_live(settings, seconds)
        if proven(made):
            break
    return made


class TestLive:
    """Against a PBX."""

    async def test_a_good_account_is_found_good(self) -> None:
        """Every right is proven by a call or two."""
        async with desk() as server:
            made = await checked(configured(server.port), lambda made: made.findings["read agent"][0] == "ok")
        assert made.error is None
        found = {name: verdict for name, (verdict, _) in made.findings.items()}
        assert found.pop("filters") in ("ok", "advice")
        assert set(found.values()) == {"ok"}

    async def test_a_poor_account_is_found_poor(self) -> None:
        """With the lines that mend it."""
        async with desk(read=frozenset({"agent"}), write=frozenset()) as server:
            made = await checked(configured(server.port), lambda made: made.findings["read call"][0] == "missing")
        assert {name for name, (verdict, _) in made.findings.items() if verdict == "missing"} == {
            *("read system", "read call", "read dialplan", "write reporting")
        }
        assert made.mend == ["[ringwatch]", "read = system,call,agent,dialplan", "write = reporting"]

    async def test_a_queue_that_no_pbx_has_is_a_warning(self) -> None:
        """A slip of the pen, or of the capitals: the desk works, and nothing is wrong with the account."""
        queues = '[queue."support"]\nrings = 4\n[queue."Support"]\nrings = 4\n'
        async with desk() as server:
            made = await checked(configured(server.port, more=queues), lambda made: 'queue "Support"' in made.findings)
        verdict, note = made.findings['queue "Support"']
        assert verdict == "advice"
        assert note.startswith("no PBX has a queue of that name, capitals count; there are support")
        assert 'queue "support"' not in made.findings
        out = io.StringIO()
        made.show(Console(file=out, width=120))
        assert 'queue "Support"' in out.getvalue()

    async def test_what_is_not_there_is_told_at_once(self) -> None:
        """A wrong secret or nobody at home is an error of that PBX, with what to do, and no verdict on anything."""
        async with desk() as server:
            (refused,) = await check_live(configured(server.port, secret="mistyped"), 20)  # noqa: S106 - a wrong one
            port = server.port
        (nobody,) = await check_live(configured(port), 20)
        assert "refused" in (refused.error or "")
        assert "compare username and secret" in (refused.error or "")
        assert "Connection refused" in (nobody.error or "")
        for made in (refused, nobody):
            assert (made.findings, made.mend, made.well) == ({}, [], False)

    async def test_several_pbxs_are_checked_at_once_and_apart(self) -> None:
        """One that is away takes nothing from the other's report."""
        async with desk() as server:
            port = server.port
        async with desk() as server:
            settings = config.parse(
                f'pbx = [{{name = "main", port = {server.port}, username = "ringwatch", secret = "{SECRET}"}},'
                f'{{name = "away", port = {port}, username = "ringwatch", secret = "{SECRET}"}}]',
                "test",
            )
            main, away = await check_live(settings, 0.2)
        assert (main.pbx, main.error) == ("main", None)
        assert (away.pbx, bool(away.error)) == ("away", True)

    async def test_a_fault_of_our_own_is_not_taken_for_a_verdict(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A check that broke must not look like a check that passed."""

        def broken(_self: Evidence, _block: bytes) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(Evidence, "take", broken)
        async with desk() as server:
            with pytest.raises(ZeroDivisionError):
                await check_live(configured(server.port), 5)


class TestSinks:
    """Whom alerts would be told to."""

    async def test_each_is_asked_and_says_what_it_would_refuse(self) -> None:
        """An Alertmanager and a webhook that take alerts, one that is away, one whose account is refused."""
        async with (
            Receiver(says='{"versionInfo": {"version": "0.25.0"}}') as well,
            Receiver(says="no such [account]") as bad,
        ):
            bad.status = 401
            tables = (
                f'[alertmanager]\nurls = ["{well.url}", "http://127.0.0.1:{free_port()}"]\n'
                f'[[webhook]]\nname = "pager"\nurl = "{well.url}/hook"\nsecret = "{SECRET}"\n'
                f'[[webhook]]\nname = "board"\nurl = "{bad.url}"\n'
            )
            made = await check_sinks(configured(5038, more=tables))
        assert [(each.sink, each.where, each.error, each.note) for each in made] == [
            ("alertmanager", well.url, None, "Alertmanager 0.25.0"),
            ("alertmanager", made[1].where, "Connection refused", ""),
            ("webhook", "pager", None, 'took {"type":"probe"}'),
            (
                *("webhook", "board"),
                "HTTP 401 Unauthorized: no such [account]; see username and password, or bearer_token",
                "",
            ),
        ]
        out = io.StringIO()
        for each in made:
            each.show(Console(file=out, width=60))
        assert out.getvalue().splitlines() == [
            f"alertmanager {well.url}: ok, Alertmanager 0.25.0",
            f"alertmanager {made[1].where}: Connection refused",
            'webhook pager: ok, took {"type":"probe"}',
            "webhook board: HTTP 401 Unauthorized: no such [account]; see username and password, or bearer_token",
        ]
        assert [each.as_json()["well"] for each in made] == [True, False, True, False]

    async def test_who_tells_nobody_asks_nobody(self) -> None:
        """And misses nothing."""
        assert await check_sinks(configured(5038)) == []

    async def test_files_that_cannot_be_used_are_a_finding(self, tmp_path: Path) -> None:
        """Of that place alone."""
        (tmp_path / "ca.pem").write_text("nothing\n")
        tables = f'[alertmanager]\nurls = ["https://am"]\ntls.ca_file = "{tmp_path}/ca.pem"\n'
        (made,) = await check_sinks(configured(5038, more=tables))
        assert "the TLS files cannot be used" in (made.error or "")

    async def test_a_broker_is_sent_a_probe_on_every_branch(self) -> None:
        """On topics and by a name that no daemon has; what does not come back, it would swallow."""
        broker = Broker()
        tables = (
            f'[mqtt]\nport = {broker.port}\nprefix = "desk"\nclient_id = "one"\ntimeout_seconds = 0.3\n'
            "home_assistant = {}\n"
        )
        (well,) = await check_sinks(configured(5038, more=tables))
        assert (well.sink, well.where, well.error, well.note) == (
            *("mqtt", f"127.0.0.1:{broker.port}"),
            *(None, "takes everything"),
        )
        assert dict(broker.messages) == {
            "desk/check": b"check",
            "desk/main/check": b"check",
            "desk/main/queue/check": b"check",
            "desk/main/agent/check": b"check",
            "desk/main/event/check": b"check",
            "homeassistant/sensor/ringwatch_check/config": b"",
        }
        broker.swallows = "queue"
        (bad,) = await check_sinks(configured(5038, more=tables))
        assert bad.error == (
            f"127.0.0.1:{broker.port} swallows what is published to desk/main/queue/check: its ACL forbids it; "
            "let this account write and read there, as in deploy/mosquitto/acl"
        )
        broker.close()
        (away,) = await check_sinks(configured(5038, more=tables))
        assert (away.error or "").startswith(f"cannot connect to 127.0.0.1:{broker.port}: Connection refused; see that")
        (nowhere,) = await check_sinks(configured(5038, more='[mqtt]\nhost = "a..b"\n'))
        assert nowhere.error == "'a..b' is no name of a host; see [mqtt] host"
