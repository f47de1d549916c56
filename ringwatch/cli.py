"""The command line: options in, exit status out. What a command does is in `ringwatch.app` and its neighbours.

Exit status: 0 well, 1 found something wrong, 2 used wrongly.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from ringwatch import __version__, app, config, telemetry
from ringwatch.cli_log import audit, import_
from ringwatch.core.standards import Policy
from ringwatch.errors import ConfigError, RingwatchError
from ringwatch.flow.ports import Attached, Batch, Detached, Item
from ringwatch.notify import ServiceManager
from ringwatch.sources.capture import CaptureWriter
from ringwatch.sources.pseudonyms import Pseudonyms
from ringwatch.terminal import FILE, PAGE, Findings, pbx_of, told_plainly

_CONFIG = click.option(
    "--config",
    "-c",
    "config_path",
    type=FILE,
    default=Path("ringwatch.toml"),
    envvar="RINGWATCH_CONFIG",
    show_default=True,
    show_envvar=True,
    help="The configuration file.",
)
_PORT = click.IntRange(0, 65535)
_SPEED = click.FloatRange(min=0.1, max=1000)
_SEED = click.option("--seed", type=int, default=1, show_default=True, help="The same seed is the same day.")
_SECONDS = click.option("--seconds", type=click.FloatRange(min=0), help="End by itself after this many seconds.")


def _run(main: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(main)
    except KeyboardInterrupt:
        sys.exit(130)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ringwatch")
def main() -> None:
    """Watch telephone desks on Asterisk: how callers are served, call by call.

    \b
    Start here:
      ringwatch demo                        a simulated desk, nothing else needed
      ringwatch check --live                is the configuration right, does the PBX let us see enough
      ringwatch run                         the daemon
    """


@main.command()
@_CONFIG
@click.option("--facts", type=FILE, help="Append every fact to this file, one JSON object a line.")
@_SECONDS
@told_plainly
def run(config_path: Path, facts: Path | None, seconds: float | None) -> None:
    """Run the daemon: watch every configured PBX and serve /metrics.

    \b
    Example:
      ringwatch run -c /etc/ringwatch/ringwatch.toml --facts /var/lib/ringwatch/facts.jsonl
    """
    settings = config.load(config_path, os.environ)
    telemetry.configure(settings.log.level, settings.log.format, sys.stderr)
    for warning in settings.warnings:
        click.echo(f"ringwatch: {warning}", err=True)

    async def watch() -> None:
        stop = asyncio.Event()
        daemon = app.Daemon(settings, telemetry.Telemetry(), facts=facts, manager=ServiceManager(os.environ))
        with app.stopped_by_signals(stop):
            async with app.ended_after(seconds, stop):
                await daemon.run(stop)

    _run(watch())


@main.command()
@click.argument("capture", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--config", "-c", "config_path", type=FILE, help="Judge by this configuration and its first [[pbx]].")
@click.option("--facts", type=FILE, help="Append every fact to this file, one JSON object a line.")
@click.option("--metrics", type=PAGE, help="Write the page here.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary for a program.")
@told_plainly
def replay(capture: Path, config_path: Path | None, facts: Path | None, metrics: Path | None, as_json: bool) -> None:  # noqa: FBT001 - a flag of the command
    """Send a recorded AMI stream through the whole pipeline and show how callers were served.

    CAPTURE is an .ami or .ami.gz file, or - for standard input. With --config it is held to that configuration: what
    the standard would have been with other thresholds.

    \b
    Example:
      ringwatch replay monday.ami.gz --facts monday.jsonl --metrics monday.prom
      ringwatch replay monday.ami.gz --config other.toml
    """
    pbx, policy, agents = "main", Policy(), False
    if config_path:
        settings = config.load(config_path, os.environ)
        pbx = settings.pbx[0].name
        policy, agents = settings.policy_for(pbx), settings.metrics.agents
    findings = Findings(pbx, policy, facts=facts, agents=agents)

    async def work() -> None:
        with Console(stderr=True).status(f"Reading {escape(str(capture))} ..."):
            await app.replay(capture, pbx, policy, findings.sinks)

    _run(work())
    findings.show(metrics, as_json=as_json)


@main.command()
@_CONFIG
@click.option("--pbx", "name", help="Which [[pbx]] to listen to; the first when not given.")
@click.option("--pseudonymise", is_flag=True, help="Replace telephone numbers, names and free text.")
@_SECONDS
@click.argument("output", type=FILE)
@told_plainly
def record(config_path: Path, name: str | None, pseudonymise: bool, seconds: float | None, output: Path) -> None:  # noqa: FBT001 - a flag of the command
    """Record the live AMI stream of a PBX to OUTPUT (.ami, or .ami.gz) until Ctrl-C.

    \b
    Example:
      ringwatch record --pseudonymise --seconds 3600 monday.ami.gz
    """
    settings = config.load(config_path, os.environ)
    pbx = pbx_of(settings, name)
    writer = CaptureWriter(output, Pseudonyms().disguise if pseudonymise else bytes)
    source = app.live_source(pbx, give_up=True)
    console = Console(stderr=True)

    async def work() -> None:
        stop = asyncio.Event()
        with console.status(f"Connecting to {pbx.host}:{pbx.port} ...") as status:

            def heard(item: Item) -> None:
                match item:
                    case Batch():
                        status.update(f"Recording to {escape(str(output))}: {writer.blocks} messages; Ctrl-C ends it")
                    case Attached():
                        console.print(f"attached to {item.where}, AMI {item.version}")
                    case Detached():
                        console.print(f"detached: {item.why}", markup=False)

            with app.stopped_by_signals(stop):
                async with app.ended_after(seconds, stop):
                    await app.record(source, writer, stop, heard)

    _run(work())
    click.echo(f"{output}: {writer.blocks} messages", err=True)


@main.command()
@click.option("--port", type=_PORT, default=5038, show_default=True, help="Port on loopback; 0 takes a free one.")
@_SEED
@click.option("--speed", type=_SPEED, default=1.0, show_default=True, help="Times real time.")
@click.option("--username", default="ringwatch", show_default=True)
@click.option("--secret", default="simulated", show_default=True)
@click.option("--always-open", is_flag=True, help="No nights and no shifts: the same load at any hour.")
@_SECONDS
@told_plainly
def simulate(
    port: int,
    seed: int,
    speed: float,
    username: str,
    secret: str,
    always_open: bool,  # noqa: FBT001 - a flag of the command
    seconds: float | None,
) -> None:
    """Serve a simulated Asterisk's Manager Interface on loopback, to develop against.

    \b
    Example:
      ringwatch simulate --seed 7 --speed 10
    """
    from ringwatch.simulator import DEFAULT_PLAN, Account, SimulatorServer, around_the_clock  # noqa: PLC0415 - as below

    async def work() -> None:
        stop = asyncio.Event()
        plan = around_the_clock(DEFAULT_PLAN) if always_open else DEFAULT_PLAN
        account = Account(username=username, secret=secret)
        server = SimulatorServer(plan, account=account, seed=seed, speed=speed, port=port)
        try:
            await server.start()
        except OSError as error:
            message = f"cannot listen on 127.0.0.1:{port}: {os.strerror(error.errno or 0)}"
            raise RingwatchError(message, remedy="give --port a free one, or 0 for any") from error
        try:
            with app.stopped_by_signals(stop):
                async with app.ended_after(seconds, stop):
                    click.echo(f"Manager Interface on 127.0.0.1:{server.port}, user {username}, secret {secret}")
                    await stop.wait()
        finally:
            await server.stop()

    _run(work())


@main.command()
@_SEED
@click.option("--speed", type=_SPEED, default=30.0, show_default=True, help="Times real time.")
@click.option("--port", type=_PORT, default=9816, show_default=True, help="Port of the pages; 0 takes a free one.")
@_SECONDS
@told_plainly
def demo(seed: int, speed: float, port: int, seconds: float | None) -> None:
    """Watch a simulated desk: simulator and daemon on loopback, live figures here, nothing else needed.

    \b
    Example:
      ringwatch demo --speed 10
    """
    from ringwatch.demo import run_demo  # noqa: PLC0415 - no other command is to wait for the simulator

    _run(run_demo(seed=seed, speed=speed, port=port, seconds=seconds))


@main.command()
@_CONFIG
@click.option("--live", is_flag=True, help="Also log in, and ask whoever is told alerts.")
@click.option("--seconds", type=click.FloatRange(min=0), default=10.0, show_default=True, help="How long to listen.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings for a program.")
@told_plainly
def check(config_path: Path, live: bool, seconds: float, as_json: bool) -> None:  # noqa: FBT001 - flags of the command
    """Check the configuration, and with --live what the AMI account lets ringwatch see, and who would take its alerts.

    To a webhook it posts {"type":"probe"}. Prints the manager.conf lines that mend what is missing. Exit status 1 when
    something is.

    \b
    Example:
      ringwatch check --live --seconds 60
    """
    from ringwatch.check import Reached, Report, check_live, check_sinks  # noqa: PLC0415 - as above

    try:
        settings = config.load(config_path, os.environ)
    except ConfigError as error:
        for fault in error.faults:
            click.echo(f"ringwatch: {fault}", err=True)
        if as_json:
            click.echo(json.dumps({"config": str(config_path), "faults": [str(fault) for fault in error.faults]}))
        sys.exit(1)
    for warning in settings.warnings:
        click.echo(f"ringwatch: {warning}", err=True)
    if not live:
        click.echo(json.dumps({"config": str(config_path), "faults": []}) if as_json else f"{config_path} is right")
        return

    async def ask() -> list[Report | Reached]:
        pbxs, sinks = await asyncio.gather(check_live(settings, seconds), check_sinks(settings))
        return [*pbxs, *sinks]

    with Console(stderr=True).status(f"Listening for {seconds:g} s ..."):
        reports = asyncio.run(ask())
    if as_json:
        click.echo(json.dumps([report.as_json() for report in reports], indent=2))
    else:
        for report in reports:
            report.show(Console())
    sys.exit(0 if all(report.well for report in reports) else 1)


main.add_command(import_)
main.add_command(audit)
