"""What the Containerfile says, done without a container engine: built, sealed, run, and asked whether it is healthy.

The base image is not to be had without a registry: a copy of this machine's root stands for it, with the interpreter
that runs the tests. Everything after FROM is taken from the file, word by word.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containerfile import Instruction, environment, healthcheck, last, stages
from tests.parts.machine import CLONE, TIED, Machine
from tests.parts.test_systemd import INSTALLED, page
from tests.waiting import wait_until

BUILT_WITHIN = 240.0
CONFIGURATION = """
[[pbx]]
username = "ringwatch"
[web]
listen = "0.0.0.0:9816"
"""
LOOPBACK_UP = (
    "import fcntl, socket, struct; "
    "fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh', b'lo', 65))"  # SIOCSIFFLAGS: IFF_UP | IFF_RUNNING
)


def copy(instruction: Instruction) -> str:
    """Write a COPY from the clone as a command."""
    *sources, target = instruction.words
    if len(sources) == 1:
        return f"install -d $(dirname {target}) && cp -rT /clone/{sources[0]} {target}"
    return f"cp -r {' '.join(f'/clone/{source}' for source in sources)} {target}"


def build() -> Iterator[str]:
    """Yield the commands of both stages, in their order."""
    first, final = stages()
    yield "export PATH=/opt/python/bin:/usr/sbin:/usr/bin:/sbin:/bin LD_LIBRARY_PATH=/opt/python/lib"
    for instruction in (*first, *final):
        match instruction.name:
            case "RUN":
                yield instruction.rest
            case "WORKDIR":
                yield f"install -d {instruction.rest} && cd {instruction.rest}"
            case "COPY" if not instruction.rest.startswith("--from="):
                yield copy(instruction)
    # Nothing but what is copied from the first stage is in the second.
    yield f"cd / && rm -rf {last(first, 'WORKDIR').rest}"


def container() -> str:
    """Write the build, the sealing and the start as one script."""
    final = stages()[-1]
    user, group = last(final, "USER").rest.split(":")
    given = {**environment(final), "LD_LIBRARY_PATH": "/opt/python/lib", "RINGWATCH_SECRET": "simulated"}
    start = [
        *("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs"),
        *("--inh-caps=-all", "--bounding-set=-all", "env", "-i", *(f"{name}={value}" for name, value in given.items())),
    ]
    command = [*last(final, "ENTRYPOINT").words, *last(final, "CMD").words]
    inside = f"""
        /opt/ringwatch/bin/python -c {shlex.quote(LOOPBACK_UP)}
        {shlex.join([*start, "ringwatch", "simulate", "--always-open", "--speed", "10"])} &
        {shlex.join([*start, *command])} &
        echo $! >/tmp/daemon
        wait -n
    """
    return "\n".join(
        [
            *build(),
            f"install -d /etc/ringwatch && echo {shlex.quote(CONFIGURATION)} >/etc/ringwatch/ringwatch.toml",
            "seal",
            # The volume: mounted over what the image has there, with its owner.
            f"mount -t tmpfs -o uid={user},gid={group},mode=750 tmpfs /var/lib/ringwatch",
            f"echo {shlex.quote(shlex.join([*start, *healthcheck()]))} >/tmp/healthcheck",
            "echo sealed",
            f"exec unshare --net bash -euc {shlex.quote(inside)}",
        ]
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Build it and start it."""
    folder = tmp_path_factory.mktemp("container")
    script, log, mount = folder / "script", folder / "log", folder / "mount"
    script.write_text(container())
    mount.mkdir()
    with log.open("wb") as output:
        outside = subprocess.Popen(
            [*TIED, Path(__file__).with_name("container.sh"), mount, CLONE, sys.base_prefix, script],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: outside.poll() is not None or "sealed" in log.read_text(), "the build", BUILT_WITHIN)
        wait_until(lambda: outside.poll() is not None or "attached" in log.read_text(), "ringwatch to be attached")
        assert outside.poll() is None, log.read_text()
        (init,) = Path(f"/proc/{outside.pid}/task/{outside.pid}/children").read_text().split()
        yield Machine(int(init), "mount", "pid", "net")
    finally:
        outside.kill()
        outside.wait()


def daemon(machine: Machine) -> str:
    """Return the daemon's process."""
    return machine.run("cat", "/tmp/daemon").strip()  # noqa: S108 - the container's own


def healthy(machine: Machine) -> bool:
    """Ask as an engine does, within the time that it gives."""
    said = machine.run("sh", "-c", "timeout 5 sh /tmp/healthcheck >/dev/null 2>&1 && echo well", well=False)
    return said == "well\n"


def test_the_page_on_installing_installs_what_the_image_holds() -> None:
    """By the same commands, so that this build tries the page as well."""
    runs = [instruction.rest for instruction in stages()[0] if instruction.name == "RUN"]
    assert [command for command in page() if command.startswith(INSTALLED)] == runs


def test_it_runs_as_nobody_in_particular_on_a_root_it_cannot_write_to(running: Machine) -> None:
    """No capability is left to it, and only the volume and /tmp take what it writes."""
    status = running.run("cat", f"/proc/{daemon(running)}/status")
    assert "Uid:\t10001\t10001\t10001\t10001" in status
    assert "CapEff:\t0000000000000000" in status
    assert "CapBnd:\t0000000000000000" in status
    for folder in ("/", "/opt/ringwatch", "/opt/python", "/etc/ringwatch"):
        assert "Read-only file system" in running.run("touch", f"{folder}/x", well=False)
    facts = "/var/lib/ringwatch/facts.jsonl"
    wait_until(lambda: running.run("stat", "--format=%s", facts, well=False).strip() not in {"", "0"}, "facts")


def test_the_health_check_of_the_file_says_whether_it_lives(running: Machine) -> None:
    """The very command; a frozen daemon is not healthy, one that goes on is."""
    assert healthy(running)
    pid = daemon(running)
    running.run("kill", "-STOP", pid)
    assert not healthy(running)
    running.run("kill", "-CONT", pid)
    wait_until(lambda: healthy(running), "it to be healthy again")
