"""What the commands share: errors in one line, files, and what is shown of a recording or a log."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import click
from rich.console import Console

from ringwatch.config import Config, PbxConfig
from ringwatch.core.standards import Policy
from ringwatch.errors import FOUND_SOMETHING_WRONG, ConfigError, RingwatchError
from ringwatch.flow.ports import Sink
from ringwatch.sinks.alert_list import AlertList
from ringwatch.sinks.facts_file import FactsFile
from ringwatch.sinks.metrics import MetricsSink
from ringwatch.sinks.standard_table import StandardTable
from ringwatch.sinks.summary import Summary

_P = ParamSpec("_P")
FILE = click.Path(dir_okay=False, path_type=Path)
PAGE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


def told_plainly(command: Callable[_P, None]) -> Callable[_P, None]:
    """Turn ringwatch's own errors into a line on standard error and an exit status."""

    @wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            command(*args, **kwargs)
            # Now, for at exit a reader who has gone would be a traceback.
            sys.stdout.flush()
        except ConfigError as error:
            for fault in error.faults:
                click.echo(f"ringwatch: {fault}", err=True)
            sys.exit(error.exit_status)
        except RingwatchError as error:
            click.echo(f"ringwatch: {error}" + (f"; {error.remedy}" if error.remedy else ""), err=True)
            sys.exit(error.exit_status)
        except BrokenPipeError:
            # Whoever read our output has seen enough.
            _close_output()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            _close_output()
            click.echo(f"ringwatch: the output cannot be written: {error.strerror}", err=True)
            sys.exit(FOUND_SOMETHING_WRONG)

    return run


def _close_output() -> None:
    """Write to nobody from now on, so that the interpreter does not complain at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def pbx_of(settings: Config, name: str | None) -> PbxConfig:
    """Return the configured PBX of a name, the first one when none is given.

    :raises click.BadParameter: there is none of that name.
    """
    pbx = next((each for each in settings.pbx if name in (None, each.name)), None)
    if pbx is None:
        known = ", ".join(each.name for each in settings.pbx)
        raise click.BadParameter(f"no [[pbx]] is named {name!r}; known: {known}", param_hint="--pbx")
    return pbx


class Findings:
    """What is told of a recording or a log: to the facts file and the page, and in the end to the terminal.

    :param facts: where every fact is appended, if anywhere.
    :param agents: whether the page has series for each agent.
    """

    def __init__(self, pbx: str, policy: Policy, *, facts: Path | None, agents: bool) -> None:
        self._page = MetricsSink({pbx: policy}, agents=agents)
        self._summary = Summary()
        self._standard = StandardTable({pbx: policy})
        self._alerts = AlertList()
        self.sinks: list[Sink] = [self._summary, self._standard, self._alerts, self._page]
        if facts:
            self.sinks.append(FactsFile(facts))

    def show(self, metrics: Path | None, *, as_json: bool, more: Mapping[str, object] | None = None) -> None:
        """Write the page where it is asked for, and print the tables; for a program, one object, begun by ``more``.

        :raises RingwatchError: the page cannot be written.
        """
        if metrics:
            _write(metrics, self._page.render())
        if as_json:
            found = {
                **(more or {}),
                "queues": self._summary.as_json(),
                "standard": self._standard.as_json(),
                "alerts": self._alerts.as_json(),
            }
            click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        elif metrics != Path("-"):
            console = Console()
            console.print(self._summary.table())
            console.print(self._standard.drawn())
            if not self._alerts.empty:
                console.print(self._alerts.table())


def _write(path: Path, data: bytes) -> None:
    try:
        with click.open_file(str(path), "wb") as file:
            file.write(data)
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}"
        raise RingwatchError(message) from error
