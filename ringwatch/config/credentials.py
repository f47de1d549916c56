"""Where a PBX's secret comes from.

The first of these that gives one wins:

1. the environment variable ``RINGWATCH_<NAME>_SECRET`` (the PBX's name in capitals, anything but letters and digits
   as ``_``: ``main`` is ``RINGWATCH_MAIN_SECRET``);
2. the environment variable ``RINGWATCH_SECRET``, when one PBX is configured;
3. ``secret = "..."`` or ``secret_file = "..."`` (both is a fault). A relative file is looked for beside the
   configuration file, then among systemd's credentials (``$CREDENTIALS_DIRECTORY``); the first that can be read
   counts: with ``LoadCredential=ami-secret:/etc/ringwatch/ami-secret`` the daemon sees both and may read the copy;
4. the systemd credential ``<name>-secret``.

Nearer to the running process beats further away, so that a unit or a container can replace what a file says. A file's
trailing line break is not part of the secret. A variable that is set but empty counts as not set.
"""

import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from ringwatch.config.findings import Finding


@dataclass(slots=True)
class Secrets:
    """What was found: the secrets by the index of their PBX, and what is wrong or unwise about them."""

    by_pbx: dict[int, SecretStr] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def readable_by_everyone(file: Path) -> bool:
    """Return whether *file* has the permission bit for reading by others; raises OSError."""
    return bool(file.stat().st_mode & stat.S_IROTH)


def variable(name: str) -> str:
    """Return the environment variable that gives the secret of the PBX *name*."""
    return f"RINGWATCH_{re.sub('[^A-Z0-9]', '_', name.upper())}_SECRET"


def pbx_tables(data: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any], str]]:
    """Yield index, table and name of each PBX in unchecked *data*; a name that is no text is as if not given."""
    listed = data.get("pbx")
    for index, table in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(table, dict):
            name = table.get("name")
            yield index, table, name if isinstance(name, str) else "main"


def find(data: Mapping[str, Any], base: Path, environ: Mapping[str, str], *, public: str | None = None) -> Secrets:
    """Find the secret of every PBX in unchecked *data*; relative files start at *base*.

    *public* is the configuration file's name if everyone on the host may read it: a secret in it is worth a warning.
    """
    secrets = Secrets()
    listed = list(pbx_tables(data))
    for index, table, name in listed:
        _Search(secrets, ("pbx", index), base, environ).run(table, name, alone=len(listed) == 1)
    if public and any("secret" in table for _, table, _ in listed):
        secrets.warnings.append(f"{public}: everyone on this host can read the secret in this file; chmod o-r {public}")
    return secrets


@dataclass(frozen=True, slots=True)
class _Search:
    secrets: Secrets
    path: tuple[str, int]
    base: Path
    environ: Mapping[str, str]

    def run(self, table: Mapping[str, Any], name: str, *, alone: bool) -> None:
        given, file = table.get("secret"), table.get("secret_file")
        if given is not None and file is not None:
            self._wrong("secret", "given beside secret_file", "give one of the two")
        for key in (variable(name), "RINGWATCH_SECRET") if alone else (variable(name),):
            if value := self.environ.get(key):
                self._take(value, "secret", f"the environment variable {key}")
                return
        if given is not None:
            if isinstance(given, str):
                self._take(given, "secret", "the quotes")
            else:
                self._wrong("secret", "not a text", "write it in quotes")
        elif isinstance(file, str) and file.isprintable():
            self._from_file(file)
        elif file is None and not self._read(self._credential(f"{name}-secret")):
            self._wrong("secret", "missing", self._ways(name, alone=alone))

    def _ways(self, name: str, *, alone: bool) -> str:
        general = " (or RINGWATCH_SECRET)" if alone else ""
        return (
            f'give secret_file = "FILE" or secret = "...", or set {variable(name)}{general} in the environment, or, '
            f"under systemd, LoadCredential={name}-secret:FILE"
        )

    def _wrong(self, key: str, problem: str, remedy: str) -> None:
        self.secrets.findings.append(Finding((*self.path, key), problem, remedy, shown=key == "secret_file"))

    def _credential(self, name: str) -> Path | None:
        directory = self.environ.get("CREDENTIALS_DIRECTORY")
        return Path(directory, name) if directory else None

    def _from_file(self, file: str) -> None:
        here = self.base / file
        # An absolute file stays what it is wherever it is joined to.
        credential = None if Path(file).is_absolute() else self._credential(file)
        if not self._read(here) and not self._read(credential):
            places = str(here) if credential is None else f"{here} and {credential}"
            self._wrong("secret_file", "cannot be read", f"put the secret there for ringwatch alone to read: {places}")

    def _read(self, file: Path | None) -> bool:
        """Take the secret from *file*; return whether it could be read."""
        if file is None:
            return False
        try:
            raw = file.read_bytes()
            public = readable_by_everyone(file)
        except OSError:
            return False
        if public:
            self.secrets.warnings.append(f"{file}: everyone on this host can read this secret; chmod o-r {file}")
        # What is not UTF-8 becomes U+FFFD; _take refuses that as it does a line break.
        self._take(raw.decode("utf-8", "replace").rstrip("\r\n"), "secret_file", str(file))
        return True

    def _take(self, value: str, key: str, origin: str) -> None:
        if not value:
            self._wrong(key, "empty", f"put the secret in {origin}")
        elif not value.isprintable() or "\ufffd" in value:
            # A line break in a secret would be a header of its own on the manager interface.
            self._wrong(key, "not one line of text", f"put the secret and nothing else in {origin}")
        else:
            self.secrets.by_pbx[self.path[1]] = SecretStr(value)
