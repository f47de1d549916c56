"""Attaching to a real Asterisk: TLS, accounts of little privilege, refusals, and coming back after it restarted."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from pathlib import Path

from ringwatch.core.facts import Call, Fact, Gap, QueueVisit, to_json
from tests.tools.captures import told as about_calls

from .desk import Desk
from .lab import Asterisk
from .phones import Manner
from .watching import ended, pbx_table, watching, write_configuration

ACCOUNT = Path(__file__).parents[2] / "config" / "asterisk" / "manager.d" / "ringwatch.conf"


async def ringwatch(folder: Path, configuration: str, *arguments: str) -> tuple[int, str, str]:
    """Run a ringwatch command with a configuration, and return its exit status, output and errors."""
    file = write_configuration(folder, configuration)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ringwatch", *arguments, "--config", str(file)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "200"},
    )
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, output.decode(), errors.decode()


async def add_account(desk: Desk, name: str, secret: str) -> None:
    """Give Asterisk the account of config/asterisk, under a name and secret of the test's."""
    lines = ACCOUNT.read_text().replace("[ringwatch]", f"[{name}]")
    manager = desk.asterisk.etc / "manager.conf"
    manager.write_text(manager.read_text() + re.sub(r"(?m)^secret = .*$", f"secret = {secret}", lines))
    await desk.ami("Command", Command="manager reload")


def told(facts: list[Fact]) -> list[bytes]:
    """Return facts about calls in an order of their own: what happens at one moment may be told in either order."""
    return sorted(map(to_json, about_calls(facts)))


async def test_the_account_of_least_privilege_sees_everything(desk: Desk, tmp_path: Path) -> None:
    """Answered, abandoned, timed out, refused and direct calls are the same facts as with an account that sees all."""
    await add_account(desk, "least", "least-secret")
    desk.phones({"101": Manner(ring=0.5), **{str(number): Manner(ring=None) for number in range(119, 127)}})
    least = pbx_table(desk.asterisk).replace('"ringwatch"', '"least"').replace("rw-secret", "least-secret")
    async with (
        watching(tmp_path / "least", least) as daemon,
        watching(tmp_path / "all", pbx_table(desk.asterisk)) as other,
    ):
        script = [
            desk.dial("1000", talk=1.0),
            desk.dial("2000", patience=1.0),
            desk.dial("7000"),
            desk.dial("7900"),
            desk.dial("3101", talk=1.0, patience=5.0),
        ]
        await desk.idle(within=90)
        for each in (daemon, other):
            await each.until(
                lambda facts: sum(isinstance(f, Call) for f in facts) == len(script), what="all calls told"
            )
        assert told(daemon.facts) == told(other.facts)
        outcomes = {fact.outcome for fact in daemon.facts if isinstance(fact, QueueVisit)}
        _, page = await daemon.get("/metrics")
    assert outcomes == {"answered", "short_abandoned", "timeout", "refused_empty"}
    for noise in ("DeviceStateChange", "RTCPSent", "TestEvent"):
        assert f'event="{noise}"' not in page


async def test_tls_with_a_pinned_authority(desk: Desk, tmp_path: Path) -> None:
    """Over TLS the daemon attaches when it knows the authority, and says in one line why not when it does not."""
    authority = desk.asterisk.ca_file
    table = pbx_table(desk.asterisk).replace(str(desk.asterisk.ports.ami), str(desk.asterisk.ports.ami_tls))
    desk.phone("101", ring=0.3)
    async with watching(tmp_path / "tls", f'{table}tls.ca_file = "{authority}"\n') as daemon:
        await desk.call("support", talk=0.5)
        await daemon.until(lambda facts: any(isinstance(fact, Call) for fact in facts), what="the call to be told")
    status, _, errors = await ringwatch(tmp_path / "unknown", f"{table}tls = {{}}\n", "run")
    assert status == 1
    assert "unable to get local issuer certificate" in errors.splitlines()[-1]


async def test_a_wrong_password_is_one_line_and_status_1(desk: Desk, tmp_path: Path) -> None:
    """Asterisk's refusal ends the daemon of one PBX at once, and names the remedy."""
    table = pbx_table(desk.asterisk).replace("rw-secret", "no-secret")
    status, _, errors = await ringwatch(tmp_path, table, "run")
    assert status == 1
    assert "'ringwatch' was refused" in errors.splitlines()[-1]
    assert "no-secret" not in errors


async def test_check_live_tells_what_an_account_lacks(desk: Desk, tmp_path: Path) -> None:
    """A full account lacks nothing; one that reads calls only gets the lines that mend it, and exit status 1.

    Pitfall 15.
    """
    desk.phone("101", ring=0.3)

    async def report(account: str) -> tuple[int, dict[str, str], list[str]]:
        table = pbx_table(desk.asterisk, account)
        checking = asyncio.create_task(
            ringwatch(tmp_path / account, table, "check", "--live", "--json", "--seconds", "6")
        )
        while not checking.done():
            await desk.call("support", talk=0.5)
        status, output, errors = await checking
        found = json.loads(output)[0]
        assert found["error"] is None, errors
        return status, {name: each["verdict"] for name, each in found["findings"].items()}, found["mend"]

    status, verdicts, _ = await report("ringwatch")
    assert (status, {verdicts.pop("filters")}) == (0, {"advice"})
    assert set(verdicts.values()) == {"ok"}
    status, verdicts, mend = await report("poor")
    assert status == 1
    missing = {name for name, verdict in verdicts.items() if verdict == "missing"}
    assert missing == {"read system", "write reporting"}
    assert mend[:1] == ["[poor]"]
    assert "write = reporting" in mend


async def test_a_killed_asterisk_is_found_again_and_leaves_a_gap(desk: Desk, tmp_path: Path) -> None:
    """When Asterisk dies and comes back, its open call is told as unknown, the gap is told, and calls go on.

    Pitfall 17.
    """
    desk.phone("101", ring=0.3)
    table = pbx_table(desk.asterisk, more="reconnect_max_seconds = 0.5")
    async with watching(tmp_path, table) as daemon:
        cut = desk.dial("1000", talk=60.0)
        await cut.talking()
        # A new Asterisk counts from 0 again: in the same second its first call would have the same Uniqueid.
        connected = int(cut.connected or 0)
        await desk.until(lambda: int(time.time()) > connected, what="the next second")
        await restart(desk.asterisk)
        await daemon.until(lambda facts: any(isinstance(fact, Gap) for fact in facts), what="the gap to be told")
        await daemon.ready()
        desk.phone("101", ring=0.3)
        await desk.call("support", talk=0.5)
        await daemon.until(lambda facts: ended(facts) >= 2, what="both calls to be told")
        # What a listing does not name is given up after a second: the next call may be over by then.
        calls = sorted((fact for fact in daemon.facts if isinstance(fact, Call)), key=lambda call: call.started_at)
        visits = sorted(
            (fact for fact in daemon.facts if isinstance(fact, QueueVisit)), key=lambda fact: fact.joined_at
        )
    assert [call.outcome for call in calls] == ["answered", "answered"]
    assert [visit.talk_ended_by for visit in visits] == ["unknown", "caller"]


async def test_a_killed_ringwatch_heals_from_queue_log(desk: Desk, tmp_path: Path) -> None:
    """Visits that ended while ringwatch was dead are told once, with the log's outcome; the audit finds nothing."""
    desk.phone("101", ring=0.3)
    table = pbx_table(desk.asterisk, more=f'queue_log = "{desk.asterisk.queue_log}"')
    async with watching(tmp_path, table) as daemon:
        await desk.call("support", talk=0.5)
        await daemon.until(lambda facts: ended(facts) == 1, what="the first call to be told")
        cut = desk.dial("1000", talk=2.0)
        await cut.talking()
        await daemon.kill()
    await desk.call("support", patience=1.0)
    await cut.done()
    await desk.idle()
    async with watching(tmp_path, table) as daemon:
        await daemon.until(lambda facts: visits(facts) == 3, what="what was missed to be told")
        await desk.call("support", talk=0.5)
        await daemon.until(lambda facts: visits(facts) == 4, what="the last call to be told")
    command = (sys.executable, "-m", "ringwatch", "audit", str(daemon.facts_file), "--queue-log")
    audit = await asyncio.create_subprocess_exec(*command, str(desk.asterisk.queue_log), stdout=asyncio.subprocess.PIPE)
    output, _ = await audit.communicate()
    assert audit.returncode == 0, output.decode()
    assert b"4 visits" in output


def visits(facts: list[Fact]) -> int:
    """Count the visits that were told, each once."""
    return len({fact.key for fact in facts if isinstance(fact, QueueVisit)})


async def restart(asterisk: Asterisk) -> None:
    """Kill Asterisk as a crash would, and start it again on the same ports."""
    await asterisk.kill()
    await asterisk.start()
