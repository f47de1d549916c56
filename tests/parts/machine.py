"""A machine with a real systemd, in namespaces of its own: booted, given commands, and gone without a trace."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from tests.waiting import wait_until

CLONE = Path(__file__).parents[2]
_SCRIPT = Path(__file__).with_name("machine.sh")
TIED = ("setpriv", "--pdeathsig", "KILL")
"""Ends a command with the tests that started it, however those end."""

_BOOTED_WITHIN = 60.0
_COMMAND_WITHIN = 60.0
# systemd itself leaves its cgroups behind when it is killed; only ours has this name, and nobody is left in it.
_SWEEP = """
mount -t cgroup2 cgroup2 "$1"
find "$1$(sed -n 's/^0:://p' /proc/self/cgroup)/ringwatch-machine-$2" -depth -type d -exec rmdir {} +
"""


class Machine:
    """Namespaces to run commands in.

    :param init: a process in them, as seen from here.
    :param namespaces: those that are its own, in the words of nsenter.
    """

    def __init__(self, init: int, *namespaces: str) -> None:
        self._enter = ["nsenter", f"--target={init}", "--wdns=/", *(f"--{name}" for name in namespaces)]

    def run(self, *command: str, well: bool = True, text: str | None = None) -> str:
        """Run a command as root of the machine; return what it printed, and fail unless it ended well."""
        result = subprocess.run(
            [*self._enter, *command],
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            timeout=_COMMAND_WITHIN,
            check=False,
        )
        assert result.returncode == 0 or not well, f"{command}: {result.stdout}{result.stderr}"
        return result.stdout + result.stderr

    def show(self, unit: str, *names: str) -> list[str]:
        """Return properties of a unit."""
        printed = self.run("systemctl", "show", unit, *(f"--property={name}" for name in names))
        found = dict(line.split("=", 1) for line in printed.splitlines())
        return [found[name] for name in names]


@contextlib.contextmanager
def booted(folder: Path) -> Iterator[Machine]:
    """Boot a machine, and take it away again whatever happens."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder.with_suffix(".log")
    packages = sysconfig.get_path("purelib")
    with log.open("wb") as output:
        outside = subprocess.Popen(
            [*TIED, _SCRIPT, folder, CLONE, sys.base_prefix, packages],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(
            lambda: outside.poll() is not None or _init_of(outside.pid),
            "systemd to be started",
            within=_BOOTED_WITHIN,
        )
        assert outside.poll() is None, f"the machine did not boot:\n{log.read_text()}"
        machine = Machine(_init_of(outside.pid), "mount", "pid", "net", "uts", "ipc", "cgroup")
        wait_until(
            lambda: machine.run("systemctl", "is-active", "machine.target", well=False) == "active\n",
            f"the machine to be up ({log})",
            within=_BOOTED_WITHIN,
        )
        yield machine
    finally:
        # With its init everything else in the machine ends, and so do its mounts.
        outside.kill()
        outside.wait()
        sweep = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", _SWEEP, "sweep"]
        wait_until(
            lambda: (
                subprocess.run([*sweep, folder, str(outside.pid)], capture_output=True, check=False).returncode == 0
            ),
            "the machine's cgroups to be empty",
        )


def _init_of(outside: int) -> int:
    """Return the machine's init once it is systemd; 0 before."""
    # On the way there are children that come and go.
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{outside}/task/{outside}/children").read_text().split():
            if Path(f"/proc/{child}/exe").readlink().name == "systemd":
                return int(child)
    return 0
