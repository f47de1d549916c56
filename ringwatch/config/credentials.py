"""Where a PBX's secret comes from, and the passwords, tokens and secrets of those to whom something is told.

The first of these that gives one wins:

1. the environment variable ``RINGWATCH_<NAME>_SECRET`` (the PBX's name in capitals, anything but letters and digits
   as ``_``: ``main`` is ``RINGWATCH_MAIN_SECRET``);
2. the environment variable ``RINGWATCH_SECRET``, when one PBX is configured;
3. ``secret = "..."`` or ``secret_file = "..."`` (both is a fault). A relative file is looked for beside the
   configuration file, then among systemd's credentials (``$CREDENTIALS_DIRECTORY``); the first that can be read
   counts: with ``LoadCredential=ami-secret:/etc/ringwatch/ami-secret`` the daemon sees both and may read the copy;
4. the systemd credential ``<name>-secret``.

The others are found in the same way; there need not be one:

* ``password`` of ``[mqtt]``: ``RINGWATCH_MQTT_PASSWORD``, then ``password`` or ``password_file``, then the credential
  ``mqtt-password``;
* ``password`` and ``bearer_token`` of ``[alertmanager]``: ``RINGWATCH_ALERTMANAGER_BEARER_TOKEN``, ``bearer_token`` or
  ``bearer_token_file``, credential ``alertmanager-bearer-token``;
* ``secret``, ``password`` and ``bearer_token`` of a ``[[webhook]]``: ``RINGWATCH_WEBHOOK_<NAME>_SECRET``, ``secret`` or
  ``secret_file``, credential ``webhook-<name>-secret``.

Nearer to the running process beats further away, so that a unit or a container can replace what a file says. A file's
trailing line break is not part of the secret. A variable that is set but empty counts as not set.
"""

import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from pydantic import SecretStr

from ringwatch.config.findings import Finding
from ringwatch.config.places import Path


@dataclass(slots=True)
class Secrets:
    """What was found: the secrets by the path of their key, and what is wrong or unwise about them."""

    by_path: dict[Path, SecretStr] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def readable_by_everyone(file: FilePath) -> bool:
    """Return whether *file* has the permission bit for reading by others; raises OSError."""
    return bool(file.stat().st_mode & stat.S_IROTH)


def variable(*words: str, ending: str = "secret") -> str:
    """Return the environment variable that gives a secret: that of the PBX of a name, or another one."""
    return re.sub("[^A-Z0-9]", "_", "_".join(["RINGWATCH", *words, ending]).upper())


def named_tables(data: Mapping[str, Any], kind: str, usual: str) -> Iterator[tuple[int, dict[str, Any], str]]:
    """Yield index, table and name of each ``[[kind]]`` in unchecked *data*; what is no text is the *usual* name."""
    listed = data.get(kind)
    for index, table in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(table, dict):
            name = table.get("name")
            yield index, table, name if isinstance(name, str) else usual


def pbx_tables(data: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any], str]]:
    """Yield index, table and name of each PBX in unchecked *data*."""
    return named_tables(data, "pbx", "main")


def optional(data: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any], list[str]]]:
    """Yield every secret that there may be: the path of its key, its table, and the words that its names begin with."""
    for name, keys in (("mqtt", ("password",)), ("alertmanager", ("password", "bearer_token"))):
        table = data.get(name)
        if isinstance(table, dict):
            yield from (((name, key), table, [name]) for key in keys)
    for index, table, name in named_tables(data, "webhook", "webhook"):
        for key in ("secret", "password", "bearer_token"):
            yield ("webhook", index, key), table, ["webhook", name]


def find(data: Mapping[str, Any], base: FilePath, environ: Mapping[str, str], *, public: str | None = None) -> Secrets:
    """Find every secret that unchecked *data* needs; relative files start at *base*.

    *public* is the configuration file's name if everyone on the host may read it: a secret in it is worth a warning.
    """
    secrets = Secrets()
    listed = list(pbx_tables(data))
    written = any("secret" in table for _, table, _ in listed)
    for index, table, name in listed:
        variables = [variable(name), *(["RINGWATCH_SECRET"] if len(listed) == 1 else [])]
        search = _Search(secrets, ("pbx", index, "secret"), variables, f"{name}-secret", base, environ)
        if not search.run(table):
            search.missing()
    for path, table, words in optional(data):
        key = str(path[-1])
        written = written or key in table
        credential = "-".join([*words, key.replace("_", "-")])
        search = _Search(secrets, path, [variable(*words, ending=key)], credential, base, environ)
        given = search.run(table)
        if key != "password":
            continue
        if given and "username" not in table:
            remedy = "give the name that the password is known by"
            secrets.findings.append(
                Finding((*path[:-1], "username"), "missing beside the password", remedy, shown=False)
            )
        elif not given and "username" in table and path[0] != "mqtt":
            # A broker may know somebody by the name alone; a web server does not.
            search.missing()
    if public and written:
        secrets.warnings.append(f"{public}: everyone on this host can read the secret in this file; chmod o-r {public}")
    return secrets


@dataclass(frozen=True, slots=True)
class _Search:
    """For one secret: the path of its key, and the variables and the credential that may give it."""

    secrets: Secrets
    path: Path
    variables: Sequence[str]
    credential: str
    base: FilePath
    environ: Mapping[str, str]

    @property
    def _key(self) -> str:
        return str(self.path[-1])

    def run(self, table: Mapping[str, Any]) -> bool:
        """Return whether somebody gave one, be it a wrong one."""
        given, file = table.get(self._key), table.get(f"{self._key}_file")
        if given is not None and file is not None:
            self._wrong(f"given beside {self._key}_file", "give one of the two")
        for name in self.variables:
            if value := self.environ.get(name):
                self._take(value, f"the environment variable {name}")
                return True
        if given is not None:
            if isinstance(given, str):
                self._take(given, "the quotes")
            else:
                self._wrong("not a text", "write it in quotes")
            return True
        if file is not None:
            if isinstance(file, str) and file.isprintable():
                self._from_file(file)
            return True
        return self._read(self._credential(self.credential))

    def missing(self) -> None:
        """Say that nobody gave one, and how to."""
        first, *others = self.variables
        general = "".join(f" (or {name})" for name in others)
        self._wrong(
            "missing",
            f'give {self._key}_file = "FILE" or {self._key} = "...", or set {first}{general} in the environment, or, '
            f"under systemd, LoadCredential={self.credential}:FILE",
        )

    def _wrong(self, problem: str, remedy: str, *, of_file: bool = False) -> None:
        path = (*self.path[:-1], f"{self._key}_file") if of_file else self.path
        self.secrets.findings.append(Finding(path, problem, remedy, shown=of_file))

    def _credential(self, name: str) -> FilePath | None:
        directory = self.environ.get("CREDENTIALS_DIRECTORY")
        return FilePath(directory, name) if directory else None

    def _from_file(self, file: str) -> None:
        here = self.base / file
        # An absolute file stays what it is wherever it is joined to.
        credential = None if FilePath(file).is_absolute() else self._credential(file)
        if not self._read(here) and not self._read(credential):
            places = str(here) if credential is None else f"{here} and {credential}"
            remedy = f"put the secret there for ringwatch alone to read: {places}"
            self._wrong("cannot be read", remedy, of_file=True)

    def _read(self, file: FilePath | None) -> bool:
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
        self._take(raw.decode("utf-8", "replace").rstrip("\r\n"), str(file), of_file=True)
        return True

    def _take(self, value: str, origin: str, *, of_file: bool = False) -> None:
        if not value:
            self._wrong("empty", f"put the secret in {origin}", of_file=of_file)
        elif not value.isprintable() or "\ufffd" in value:
            # A line break in a secret would be a header of its own on the manager interface.
            self._wrong("not one line of text", f"put the secret and nothing else in {origin}", of_file=of_file)
        else:
            self.secrets.by_path[self.path] = SecretStr(value)
