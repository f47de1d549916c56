"""The commands that read Asterisk's queue_log: ``import`` and ``audit``."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime, tzinfo
from math import inf
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from rich.console import Console
from rich.markup import escape

from ringwatch import app, config, importing
from ringwatch.audit import TOLERANCE_SECONDS
from ringwatch.audit import audit as compare
from ringwatch.core.standards import Policy
from ringwatch.sources.facts import read_facts
from ringwatch.sources.queue_log import QueueLogFiles
from ringwatch.terminal import FILE, PAGE, Findings, pbx_of, told_plainly


def _zone(_context: click.Context, _option: click.Parameter, name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise click.BadParameter(f"no time zone is named {name!r}") from error


_ZONE = click.option(
    "--timezone",
    "zone",
    default="UTC",
    show_default=True,
    callback=_zone,
    help="Of times that name none, as in a database export.",
)


@click.command("import")
@click.argument("logs", nargs=-1, required=True, type=FILE)
@click.option("--config", "-c", "config_path", type=FILE, help="Judge by this configuration.")
@click.option("--pbx", "name", help="Whose log it is, part of every fact's identity: by default the first, or main.")
@click.option("--facts", type=FILE, help="Append what is new to this file, one JSON object a line.")
@click.option("--metrics", type=PAGE, help="Write the page here.")
@click.option("--follow", is_flag=True, help="Go on with what Asterisk writes to the one LOG, until Ctrl-C.")
@_ZONE
@click.option("--json", "as_json", is_flag=True, help="Print the summary for a program.")
@told_plainly
def import_(
    logs: tuple[Path, ...],
    config_path: Path | None,
    name: str | None,
    facts: Path | None,
    metrics: Path | None,
    follow: bool,  # noqa: FBT001 - a flag of the command
    zone: tzinfo,
    as_json: bool,  # noqa: FBT001 - a flag of the command
) -> None:
    """Tell the facts of a queue_log: the visits that AMI would have told, in whole seconds.

    LOGS is one log or a rotated set in any order, compressed or not, or an export of the database's table as CSV. What
    the file given with --facts holds already is not told again.

    \b
    Example:
      ringwatch import /var/log/asterisk/queue_log* --facts november.jsonl
    """
    if follow and len(logs) > 1:
        raise click.UsageError("--follow takes one LOG")
    pbx, policy, agents = name or "main", Policy(), False
    if config_path:
        settings = config.load(config_path, os.environ)
        pbx = pbx_of(settings, name).name
        policy, agents = settings.policy_for(pbx), settings.metrics.agents
    before = [fact for _, fact in read_facts(facts) if fact] if facts and facts.exists() else []
    findings = Findings(pbx, policy, facts=facts, agents=agents)

    async def work() -> importing.Imported:
        with Console(stderr=True).status(f"Reading {escape(str(logs[0]))} ..."):
            if not follow:
                return await importing.import_files(QueueLogFiles(logs, zone=zone), pbx, policy, findings.sinks, before)
            stop = asyncio.Event()
            with app.stopped_by_signals(stop):
                return await importing.import_live(logs[0], pbx, policy, findings.sinks, stop, before=before)

    done = asyncio.run(work())
    for note in done.notes():
        click.echo(f"ringwatch: {note}", err=True)
    findings.show(metrics, as_json=as_json, more={"log": done.as_json()})


@click.command()
@click.argument("facts", type=FILE)
@click.option("--queue-log", "logs", multiple=True, required=True, type=FILE, help="The log, or all of a rotated set.")
@click.argument("more", nargs=-1, type=FILE, metavar="")
@click.option("--cdr", type=FILE, help="Master.csv with Uniqueids: also hold the direct calls against it.")
@click.option("--pbx", "name", help="Whose log it is, where FACTS holds several PBXs.")
@click.option(
    "--tolerance", type=click.FloatRange(min=0), default=TOLERANCE_SECONDS, show_default=True, help="Seconds apart."
)
@click.option("--from", "begins", type=click.DateTime(), help="Only visits that were joined from then on.")
@click.option("--to", "ends", type=click.DateTime(), help="Only visits that were joined before.")
@_ZONE
@click.option("--json", "as_json", is_flag=True, help="Print everything for a program.")
@told_plainly
def audit(
    facts: Path,
    logs: tuple[Path, ...],
    more: tuple[Path, ...],
    cdr: Path | None,
    name: str | None,
    tolerance: float,
    begins: datetime | None,
    ends: datetime | None,
    zone: tzinfo,
    as_json: bool,  # noqa: FBT001 - a flag of the command
) -> None:
    """Hold FACTS against Asterisk's queue_log, visit by visit, and show both sides of every difference.

    Exit status 1 when anything differs that has no reason in the records themselves.

    \b
    Example:
      ringwatch audit facts.jsonl --queue-log /var/log/asterisk/queue_log* --cdr Master.csv
    """
    within = (
        begins.replace(tzinfo=zone).timestamp() if begins else -inf,
        ends.replace(tzinfo=zone).timestamp() if ends else inf,
    )
    with Console(stderr=True).status(f"Comparing {escape(str(facts))} ..."):
        report = compare(facts, [*logs, *more], cdr=cdr, pbx=name, tolerance=tolerance, within=within, zone=zone)
    if as_json:
        click.echo(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
    else:
        report.show(Console())
    sys.exit(0 if report.well else 1)
