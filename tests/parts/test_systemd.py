"""The unit on a real systemd: installed as the README says, attached to a desk, killed, frozen and stopped."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.parts.machine import CLONE, Machine, booted
from tests.waiting import wait_until

PAGES = "http://127.0.0.1:9816"
# The package is installed by the page's own commands in test_container.py; here the clone stands for it.
INSTALLED = ("python3 -m venv", "/opt/ringwatch/bin/pip")
# The unit as it is, but in less time than its own half a minute.
QUICKER = "[Service]\nWatchdogSec=4s\nRestartSec=100ms\n"


def page() -> list[str]:
    """Return the commands of the README's page on installing, in their order."""
    text = (CLONE / "README.md").read_text()
    section = text[text.index("## Installing on a real desk") :].split("\n## ")[0]
    return [line for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) for line in block.splitlines()]


class Desk:
    """A machine on which the README's page has been worked through."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.said: dict[str, str] = {}
        for command in page():
            if command.startswith("asterisk"):
                self.start_pbx()
            elif not command.startswith(INSTALLED):
                self.said[command] = machine.run("timeout", "50", "sh", "-ec", f"cd /opt/ringwatch/clone; {command}")

    def start_pbx(self) -> None:
        """Let a simulated Asterisk take the place of the real one, with the account of the page."""
        secret = self.machine.run("cat", "/etc/ringwatch/ami-secret").strip()
        simulate = ("/opt/ringwatch/bin/ringwatch", "simulate", "--always-open", "--speed", "10", "--secret", secret)
        self.machine.run("systemd-run", "--unit=pbx", "--setenv=PYTHONDONTWRITEBYTECODE=1", *simulate)
        wait_until(
            lambda: "Manager Interface on" in self.machine.run("journalctl", "--unit=pbx", "--output=cat"),
            "the simulated Asterisk to listen",
        )

    def get(self, path: str) -> str:
        """Fetch a page of the daemon's; an empty text while there is none."""
        return self.machine.run("wget", "-qO-", "--tries=1", "--timeout=5", f"{PAGES}{path}", well=False)

    def log(self) -> str:
        """Return what the daemon, and systemd about it, have written to the journal."""
        return self.machine.run("journalctl", "--unit=ringwatch", "--output=cat", "--no-pager")

    def said_by(self, pid: int) -> list[dict[str, Any]]:
        """Return the log of one run of the daemon."""
        printed = self.machine.run("journalctl", "--unit=ringwatch", "--output=cat", "--no-pager", f"_PID={pid}")
        return [json.loads(line) for line in printed.splitlines()]

    def pid(self) -> int:
        """Return the daemon's process, 0 when there is none."""
        return int(self.machine.show("ringwatch", "MainPID")[0])

    def attached(self) -> None:
        """Wait until the daemon is at work."""
        wait_until(lambda: self.get("/-/ready") == "ringwatch is ready\n", "the daemon to be attached")

    def kill(self, number: signal.Signals) -> tuple[int, int]:
        """Send the daemon a signal; return its process and how often it had been restarted."""
        before, restarts = self.pid(), int(self.machine.show("ringwatch", "NRestarts")[0])
        self.machine.run("kill", f"-{number.value}", str(before))
        return before, restarts

    def restarted(self, before: int, restarts: int) -> None:
        """Wait until another process has taken the place of one that was killed, and is at work."""
        wait_until(lambda: self.pid() not in {0, before}, "the daemon to be started again", within=40)
        assert int(self.machine.show("ringwatch", "NRestarts")[0]) == restarts + 1
        self.attached()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Boot a machine and work through the page."""
    with booted(tmp_path_factory.mktemp("systemd") / "machine") as machine:
        desk = Desk(machine)
        quicker = "/etc/systemd/system/ringwatch.service.d/quicker.conf"
        machine.run("install", "-Dm", "644", "/dev/stdin", quicker, text=QUICKER)
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "restart", "ringwatch")
        yield desk


@pytest.fixture
def running(desk: Desk) -> Desk:
    """Have the daemon at work."""
    desk.machine.run("systemctl", "start", "ringwatch")
    desk.attached()
    return desk


def test_the_page_on_installing_leads_from_the_account_to_the_first_alert(desk: Desk) -> None:
    """Every command of it that needs no package index, word by word; the simulated desk stands for Asterisk."""
    (status,) = (said for command, said in desk.said.items() if command.startswith("systemctl status"))
    assert "active (running)" in status
    (scrape,) = (said for command, said in desk.said.items() if "ringwatch_ami_connected" in command)
    assert scrape == 'ringwatch_ami_connected{pbx="main"} 1.0\n'
    alert = json.loads(list(desk.said.values())[-1])
    assert (alert["event"], alert["name"]) == ("alert_raised", "RingwatchLinesPilingUp")


def test_systemd_has_nothing_to_say_against_the_unit(desk: Desk) -> None:
    """Not one warning, about any of the three files; and little against its exposure."""
    assert desk.machine.run("systemd-analyze", "verify", "/etc/systemd/system/ringwatch.service") == ""
    assert desk.machine.run("systemd-sysusers", "/etc/sysusers.d/ringwatch.conf") == ""
    assert desk.machine.run("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/ringwatch.conf") == ""
    desk.machine.run("systemd-analyze", "security", "--threshold=13", "ringwatch.service")


def test_it_is_active_once_it_says_so_itself(running: Desk) -> None:
    """Type=notify; the status line names what it is attached to."""
    wanted = "attached to main at 127.0.0.1:5038"
    wait_until(lambda: running.machine.show("ringwatch", "StatusText") == [wanted], "the status")
    assert running.machine.show("ringwatch", "Type", "ActiveState", "SubState") == ["notify", "active", "running"]


def test_the_secret_is_a_credential_that_only_the_service_sees(running: Desk) -> None:
    """The daemon is attached with it although its user may not read the file, and nobody else may read the copy."""
    file = "/etc/ringwatch/ami-secret"
    assert running.machine.run("stat", "--format=%a %U", file) == "600 root\n"
    assert "Permission denied" in running.machine.run(
        "setpriv", "--reuid=ringwatch", "--regid=ringwatch", "--clear-groups", "cat", file, well=False
    )
    account = "/etc/asterisk/manager.d/ringwatch.conf"
    assert running.machine.run("stat", "--format=%a", account) == "600\n"
    ours = running.machine.run("cat", file).strip()
    pid = str(running.pid())
    inside = ("nsenter", f"--target={pid}", "--mount")
    copy = running.machine.run(*inside, "cat", "/run/credentials/ringwatch.service/ami-secret")
    assert copy.strip() == ours
    assert f"secret = {ours}\n" in running.machine.run("cat", account)
    assert ours not in running.machine.run("cat", f"/proc/{pid}/environ")


def test_only_its_state_is_writable(running: Desk) -> None:
    """In the daemon's own view of the machine, where the facts grow."""
    pid = str(running.pid())
    inside = ("nsenter", f"--target={pid}", "--mount", "setpriv", "--reuid=ringwatch", "--regid=ringwatch")
    as_it = (*inside, "--clear-groups", "sh", "-c")
    for folder in ("/etc", "/etc/ringwatch", "/usr", "/var", "/var/lib", "/opt/ringwatch"):
        said = running.machine.run(*as_it, f"touch {folder}/x", well=False)
        assert "Read-only file system" in said, said
    for folder in ("/root", "/home"):
        assert "Permission denied" in running.machine.run(*as_it, f"ls {folder}", well=False)
    running.machine.run(*as_it, "touch /var/lib/ringwatch/x && rm /var/lib/ringwatch/x && touch /tmp/x && rm /tmp/x")
    facts = "/var/lib/ringwatch/facts.jsonl"
    wait_until(lambda: int(running.machine.run("stat", "--format=%s", facts)) > 0, "facts to be written")
    assert running.machine.run("stat", "--format=%a %U %G", facts) == "640 ringwatch ringwatch\n"


def test_the_log_is_one_object_a_line(running: Desk) -> None:
    """In the journal, so that nothing has to be rotated."""
    assert {"started", "attached"} <= {line["event"] for line in running.said_by(running.pid())}


def test_who_is_killed_is_started_again(running: Desk) -> None:
    """By kill -9, as the kernel does when memory is short."""
    running.restarted(*running.kill(signal.SIGKILL))


def test_who_hangs_is_ended_and_started_again(running: Desk) -> None:
    """A frozen daemon feeds no watchdog; a healthy one is left alone for longer than the watchdog waits."""
    before = running.pid()
    time.sleep(6)
    assert running.pid() == before
    running.restarted(*running.kill(signal.SIGSTOP))
    assert "Watchdog timeout (limit 4s)" in running.log()


def test_who_is_stopped_ends_well(running: Desk) -> None:
    """With exit status 0, the last line of its log, and no restart."""
    pid = running.pid()
    running.machine.run("systemctl", "stop", "ringwatch")
    names = ("ActiveState", "Result", "ExecMainCode", "ExecMainStatus")
    assert running.machine.show("ringwatch", *names) == ["inactive", "success", "1", "0"]
    assert running.said_by(pid)[-1]["event"] == "stopped"


def test_a_wrong_configuration_is_told_once_and_not_tried_again(running: Desk) -> None:
    """The same again would change nothing; the journal names the line."""
    running.machine.run("sh", "-ec", "cd /etc/ringwatch; cp ringwatch.toml right; echo 'colour = 1' >>ringwatch.toml")
    try:
        running.machine.run("systemctl", "restart", "ringwatch", well=False)
        wait_until(lambda: running.machine.show("ringwatch", "ActiveState") == ["failed"], "the unit to give up")
        assert running.machine.show("ringwatch", "ExecMainStatus", "NRestarts") == ["2", "0"]
        assert "colour" in running.log()
    finally:
        running.machine.run("sh", "-ec", "cd /etc/ringwatch; cat right >ringwatch.toml; rm right")
        running.machine.run("systemctl", "reset-failed", "ringwatch")
