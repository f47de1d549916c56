"""What the commands share: errors in one line, files, and the result of a recording or a log."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import click
from rich.console import Console

from ringwatch.config import Config, PbxConfig
from ringwatch.errors import FOUND_SOMETHING_WRONG, ConfigError, RingwatchError
from ringwatch.sinks.metrics import MetricsSink
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


def show(summary: Summary, page: MetricsSink, metrics: Path | None, as_json: object) -> None:
    """Write the page where it is asked for, and print the summary, or for a program ``as_json`` unless that is None.

    :raises RingwatchError: the page cannot be written.
    """
    if metrics:
        _write(metrics, page.render())
    if as_json is not None:
        click.echo(json.dumps(as_json, ensure_ascii=False, indent=2))
    elif metrics != Path("-"):
        Console().print(summary.table())


def _write(path: Path, data: bytes) -> None:
    try:
        with click.open_file(str(path), "wb") as file:
            file.write(data)
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}"
        raise RingwatchError(message) from error
