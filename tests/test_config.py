"""The configuration: what a file means, and what is said of a wrong one.

Each wrong configuration is a file in ``fixtures/config``. Its first lines, which begin with ``#!``, are what must be
said of it, whole and in order; ``{file}`` is its path and ``{here}`` the folder.
"""

import gzip
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from ringwatch.config import Address, Config, LineConfig, PbxConfig, QueueConfig, TlsConfig, WebConfig, load, parse
from ringwatch.config.alerts import AlertConfig, Alerts
from ringwatch.config.mqtt import HomeAssistantConfig, MqttConfig
from ringwatch.config.places import get, places
from ringwatch.config.push import AlertmanagerConfig, WebhookConfig
from ringwatch.core.alerts import ALERTS, rule_for
from ringwatch.core.hours import OpeningHours, Spans
from ringwatch.core.rules import Rule
from ringwatch.core.standards import CADENCES, Policy, Standard, extension_matches
from ringwatch.errors import ConfigError

ROOT = Path(__file__).parent.parent
FIXTURES = Path(__file__).parent / "fixtures" / "config"
CAPTURES = Path(__file__).parent / "captures"
SAMPLE = ROOT / "config" / "ringwatch.toml"
ACCOUNT = ROOT / "config" / "asterisk" / "manager.d" / "ringwatch.conf"

SECRET = "hunter2"  # noqa: S105 - of no account that exists
ONE_PBX = '[[pbx]]\nusername = "ringwatch"\n'
WITH_SECRET = f'{ONE_PBX}secret = "{SECRET}"\n'


def faults_of(text: str, **more: Any) -> list[str]:
    """Return the faults of a text that has some."""
    with pytest.raises(ConfigError) as caught:
        parse(text, "x.toml", **more)
    return [str(fault) for fault in caught.value.faults]


def secret_of(config: Config, index: int = 0) -> str:
    """Return the secret of a PBX."""
    return config.pbx[index].secret.get_secret_value()


def private(file: Path, text: str) -> Path:
    """Write a file that its owner alone may read."""
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    return file


class TestFaults:
    """What is said of a wrong configuration."""

    @pytest.mark.parametrize("file", sorted(FIXTURES.glob("*.toml")), ids=lambda file: file.stem)
    def test_every_fault_is_named_at_once_with_its_place_and_remedy(self, file: Path) -> None:
        """One line each, in the order of the file, and nothing of a secret in any of them."""
        text = file.read_text(encoding="utf-8")
        expected = [line[3:] for line in text.splitlines() if line.startswith("#! ")]
        with pytest.raises(ConfigError) as caught:
            load(file, {})
        said = [str(fault) for fault in caught.value.faults]
        assert said == [line.replace("{file}", str(file)).replace("{here}", str(FIXTURES)) for line in expected]
        assert caught.value.exit_status == 2
        # Nothing that a traceback could show hangs on the error: pydantic's holds the data, and with it the secret.
        assert caught.value.__context__ is None
        assert not re.search(r"hunter\d|8375309", f"{caught.value!r} {said} {caught.value.faults!r}")

    def test_a_missing_file_is_one_fault(self, tmp_path: Path) -> None:
        """The path is named as it was given."""
        with pytest.raises(ConfigError) as caught:
            load(tmp_path / "none.toml", {})
        assert (
            str(caught.value) == f"{tmp_path}/none.toml: no such file; write one; config/ringwatch.toml shows every key"
        )

    def test_a_file_that_cannot_be_read_is_one_fault(self, tmp_path: Path) -> None:
        """The system's reason is given."""
        with pytest.raises(ConfigError, match="cannot be read \\(Is a directory\\); see that it is a file"):
            load(tmp_path, {})

    def test_a_file_that_is_not_utf8_is_told_the_line(self, tmp_path: Path) -> None:
        """A name typed in another encoding is found again."""
        file = tmp_path / "latin.toml"
        file.write_bytes(WITH_SECRET.encode() + '[queue."Zürich"]\n'.encode("latin-1"))
        with pytest.raises(ConfigError, match=re.escape("latin.toml:4: not UTF-8; save the file as UTF-8")):
            load(file, {})

    def test_a_long_value_is_shortened(self) -> None:
        """A fault stays one readable line."""
        (fault,) = faults_of(f'{WITH_SECRET}host = "{"a b" * 100}"\n')
        assert len(fault) < 200
        assert "a ba ..." in fault

    def test_a_table_that_may_hold_a_secret_is_not_repeated(self) -> None:
        """Where a list of PBXs is meant and something else stands, its content stays unsaid."""
        said = faults_of(f'pbx = [[{{ secret = "{SECRET}" }}]]\n')
        assert said == ["x.toml:1: pbx[0]: not a table; write [[pbx]] above its keys"]

    @pytest.mark.parametrize("quote", ["", '"'])
    def test_a_key_is_found_however_it_is_quoted(self, quote: str) -> None:
        """Dotted and quoted keys lead to the same table."""
        assert faults_of(f"{WITH_SECRET}[standard]\n\n{quote}rings{quote} = 0\n")[0].startswith(
            "x.toml:6: standard.rings = 0"
        )


class TestPlaces:
    """Finding the line of a key in a valid text."""

    scalars = st.sampled_from(
        [
            *("1", "-2.5e3", "true", "inf", "0xf", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00"),
            *('""', "''", '"a # b"', "'[x]'", '"\\" ] }"', "'\\'", '"k9 = 1"', '"C:\\\\"', "'\"'"),
            *('""""""', "''''''", '"""a"""""', "'''b'''''", '"""\\\n  c"""'),
            *('"""\n[t]\nk9 = 1\n"" " \\""""', "'''\n[[x]]\n'' '''"),
        ]
    )
    inline = st.lists(st.sampled_from(["1", "'}'", '"]"', "[ 1,\n 2 ]", "{ x.y = {} }"]), max_size=3).map(
        lambda items: "{" + ", ".join(f"i{index} = {item}" for index, item in enumerate(items)) + "}"
    )
    values = st.recursive(
        st.one_of(scalars, inline),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4).map(lambda items: "[ # ]\n  " + " # ],\n  , # [\n  ".join(items) + "\n]"),
            st.lists(inner, min_size=1, max_size=4).map(lambda items: "[" + ",".join(items) + ",]"),
        ),
        max_leaves=6,
    )
    headers = st.sampled_from(
        ["[t#]", "[ t# . 'a.b' ]", "[[t]]", '["t\\u0030#"]', "[[many]]", "[many.sub#] # [[many]]"]
    )
    keys = st.sampled_from(["k#", '"k#"', "'k#'", "d# . k#", "  k#", '"\\u006b#"'])

    @given(tables=st.lists(st.tuples(headers, st.lists(st.tuples(keys, values), max_size=4)), max_size=5), crlf=...)
    def test_every_key_is_found_on_its_line(
        self, tables: list[tuple[str, list[tuple[str, str]]]], *, crlf: bool
    ) -> None:
        """Whatever strings, comments, arrays and inline tables stand around it."""
        text, lines, number = "[[many]]\n[[t]]\n", {}, 0
        for header, pairs in tables:
            number += 1
            text += re.sub("#", str(number), header, count=1) + "\n"
            for key, value in pairs:
                number += 1
                lines[f"k{number}"] = text.count("\n") + 1
                text += f"{key.replace('#', str(number))} = {value}   # k{number} = 2\n"
        text = text.replace("\n", "\r\n") if crlf else text
        found = places(text)
        assert {path[-1]: line for path, line in found.items() if path[-1] in lines} == lines
        # Every place found is one that tomllib knows.
        read = tomllib.loads(text)
        assert all(get(read, path) is not None for path in found)


class TestReading:
    """What a right configuration means."""

    def test_the_least_that_attaches_to_a_desk(self, tmp_path: Path) -> None:
        """The keys that the product promises, and the defaults of everything else."""
        private(tmp_path / "ami-secret", f"{SECRET}\n")
        text = """
            [[pbx]]
            name = "main"
            host = "127.0.0.1"
            port = 5038
            username = "ringwatch"
            secret_file = "ami-secret"
            [web]
            listen = "127.0.0.1:9816"
            [standard]
            country = "nl"
        """
        config = load(private(tmp_path / "ringwatch.toml", text), {})
        assert secret_of(config) == SECRET
        assert config.model_dump(mode="json", exclude={"pbx"}) == {
            "web": {"listen": "127.0.0.1:9816"},
            "standard": {
                "country": "nl",
                "cadence": None,
                "rings": 3,
                "short_abandon_seconds": 5.0,
                "lines_waiting": 3,
                "wrapup_seconds": 0.0,
                "hold_limit_seconds": 30.0,
                "talk_target_seconds": 600.0,
                "talk_limit_seconds": 900.0,
                "hops": 1,
                "bounces": 0,
                "service_level": 0.8,
                "service_level_seconds": 20.0,
                "max_occupancy": 0.85,
                "staffing_window_seconds": 1800.0,
                "load_gini": 0.35,
                "reach_angry": 11.0,
                "reach_happy": 3.5,
                "unbroken_limit_seconds": 7200.0,
                "break_min_seconds": 300.0,
                "third_ring_share": 0.9,
                "callback_seconds": 259_200.0,
            },
            "alert": dict.fromkeys(ALERTS, dict.fromkeys(AlertConfig.model_fields)),
            "hours": {"timezone": None, "week": None, "holidays": "none", "closed": [], "open": []},
            "queue": {},
            "line": {},
            "metrics": {"agents": False},
            "mqtt": None,
            "alertmanager": None,
            "webhook": [],
            "log": {"level": "info", "format": "auto"},
        }
        assert config.pbx[0].model_dump(mode="json", exclude={"secret"}) == {
            "name": "main",
            "host": "127.0.0.1",
            "source": "ami",
            "tls": None,
            "port": 5038,
            "username": "ringwatch",
            "secret_file": "ami-secret",
            "login": "md5",
            "connect_timeout": 5.0,
            "login_timeout": 5.0,
            "ping_seconds": 10.0,
            "read_timeout": 25.0,
            "reconnect_min_seconds": 0.5,
            "reconnect_max_seconds": 30.0,
            "trunks": [],
            "queue_log": None,
        }
        assert config.warnings == ()

    def test_a_table_left_out_is_as_one_left_empty(self) -> None:
        """Every key but the account has a default."""
        empty = "[web]\n[standard]\n[hours]\n[metrics]\n[log]\n[queue]\n[line]\n"
        assert parse(WITH_SECRET, "x.toml") == parse(f"{WITH_SECRET}{empty}", "x.toml")

    def test_an_editors_byte_order_mark_is_passed_over(self, tmp_path: Path) -> None:
        """A file saved on Windows is read."""
        file = tmp_path / "bom.toml"
        file.write_bytes(b"\xef\xbb\xbf" + WITH_SECRET.replace("\n", "\r\n").encode())
        assert secret_of(load(file, {})) == SECRET

    def test_a_configuration_cannot_be_changed_once_read(self) -> None:
        """What was checked is what runs."""
        config = parse(WITH_SECRET, "x.toml")
        with pytest.raises(ValidationError):
            config.pbx = ()
        with pytest.raises(ValidationError):
            config.web.listen = Address("::", 1)

    @pytest.mark.parametrize(
        ("listen", "host", "port"),
        [
            ("127.0.0.1:9816", "127.0.0.1", 9816),
            ("[::1]:0", "::1", 0),
            ("[fe80::1%eth0]:9816", "fe80::1%eth0", 9816),
            ("pbx_1.example.com:80", "pbx_1.example.com", 80),
        ],
    )
    def test_the_web_address_is_a_host_and_a_port(self, listen: str, host: str, port: int) -> None:
        """IPv6 loses its brackets and gets them back when written; port 0 is the system's choice."""
        web = parse(f'{WITH_SECRET}[web]\nlisten = "{listen}"\n', "x.toml").web
        assert (web.host, web.port, str(web.listen)) == (host, port, listen)

    @pytest.mark.parametrize("host", ["pbx", "10.0.0.1", "::1", "pbx.example.com.", "PBX_1"])
    def test_a_host_is_a_name_or_an_address(self, host: str) -> None:
        """IPv6 needs no brackets where the port is a key of its own."""
        assert parse(f'{WITH_SECRET}host = "{host}"\n', "x.toml").pbx[0].host == host

    def test_whole_numbers_are_seconds_too(self) -> None:
        """``ping_seconds = 5`` needs no decimal point."""
        ping = parse(f"{WITH_SECRET}ping_seconds = 5\n", "x.toml").pbx[0].ping_seconds
        assert (ping, type(ping)) == (5.0, float)

    def test_a_tls_table_switches_tls_on_and_moves_the_port(self) -> None:
        """Even an empty table does; a port that is given stays."""
        assert parse(WITH_SECRET, "x.toml").pbx[0].tls is None
        pbx = parse(f"{WITH_SECRET}tls = {{}}\n", "x.toml").pbx[0]
        assert (pbx.tls, pbx.port) == (TlsConfig(), 5039)
        assert parse(f"{WITH_SECRET}port = 5061\ntls = {{}}\n", "x.toml").pbx[0].port == 5061

    def test_an_mqtt_table_switches_publishing_on(self) -> None:
        """Even an empty table does, and a tls table in it moves the port."""
        assert parse(f"{WITH_SECRET}[mqtt]\n", "x.toml").mqtt == MqttConfig()
        mqtt = parse(f"{WITH_SECRET}[mqtt]\ntls = {{}}\nhome_assistant = {{}}\n", "x.toml").mqtt
        assert mqtt == MqttConfig(
            tls=TlsConfig(), port=8883, home_assistant=HomeAssistantConfig(prefix="homeassistant")
        )

    def test_tls_files_start_at_the_configuration_file(self, tmp_path: Path) -> None:
        """A relative file is made whole, an absolute one stays."""
        for name in ("ca.pem", "own.pem", "own.key"):
            (tmp_path / name).touch()
        files = f'ca_file = "ca.pem", cert_file = "{tmp_path}/own.pem", key_file = "own.key"'
        tls = f'tls = {{ {files}, server_name = "pbx" }}\n'
        read = load(private(tmp_path / "ringwatch.toml", WITH_SECRET + tls), {}).pbx[0].tls
        assert read is not None
        assert (read.ca_file, read.cert_file, read.key_file) == (
            tmp_path / "ca.pem",
            tmp_path / "own.pem",
            tmp_path / "own.key",
        )
        assert read.server_name == "pbx"

    def test_a_queue_log_starts_at_the_configuration_file_and_need_not_be_there(self, tmp_path: Path) -> None:
        """Asterisk makes it when it starts; a relative one is made whole, an absolute one stays."""
        relative = load(private(tmp_path / "ringwatch.toml", f'{WITH_SECRET}queue_log = "log/queue_log"\n'), {})
        assert relative.pbx[0].queue_log == tmp_path / "log" / "queue_log"
        absolute = parse(f'{WITH_SECRET}queue_log = "/nowhere/queue_log"\n', "x.toml")
        assert absolute.pbx[0].queue_log == Path("/nowhere/queue_log")

    def test_a_record_can_be_made_without_a_file(self) -> None:
        """Tests and the demonstration build what they need."""
        pbx = PbxConfig(username="ringwatch", secret=SECRET)  # type: ignore[arg-type]
        config = Config(pbx=(pbx,), web=WebConfig(listen=Address("::1", 0)))
        assert (config.web.port, config.warnings) == (0, ())
        assert LineConfig(extensions=("_31XX",)).contexts == ()


class TestSecrets:
    """Where a secret comes from, and where it never goes."""

    def test_the_nearest_to_the_process_wins(self, tmp_path: Path) -> None:
        """Own variable, general variable, the file's own word, the credential of the PBX's name: in this order."""
        credentials = tmp_path / "credentials"
        credentials.mkdir()
        private(credentials / "desk-1-secret", "by credential")
        environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
        named = ONE_PBX + 'name = "desk-1"\n'
        assert secret_of(parse(named, "x.toml", environ=environ)) == "by credential"
        written = named + 'secret = "by file"\n'
        assert secret_of(parse(written, "x.toml", environ=environ)) == "by file"
        environ |= {"RINGWATCH_SECRET": "by general variable"}
        assert secret_of(parse(written, "x.toml", environ=environ)) == "by general variable"
        environ |= {"RINGWATCH_DESK_1_SECRET": "by own variable"}
        assert secret_of(parse(written, "x.toml", environ=environ)) == "by own variable"

    def test_the_general_variable_is_for_one_pbx(self) -> None:
        """With two it could be the secret of either, and is that of none."""
        east, west = ONE_PBX + 'name = "east"\n', ONE_PBX + 'name = "west"\n'
        environ = {"RINGWATCH_SECRET": SECRET, "RINGWATCH_WEST_SECRET": "west"}
        (fault,) = faults_of(east + west, environ=environ)
        assert "x.toml:1: pbx[0].secret: missing" in fault
        config = parse(east + west, "x.toml", environ={**environ, "RINGWATCH_EAST_SECRET": "east"})
        assert [secret_of(config, index) for index in (0, 1)] == ["east", "west"]

    def test_an_empty_variable_is_as_none(self) -> None:
        """Compose files pass on variables that nobody set."""
        environ = {"RINGWATCH_SECRET": "", "RINGWATCH_MAIN_SECRET": ""}
        assert secret_of(parse(WITH_SECRET, "x.toml", environ=environ)) == SECRET

    def test_a_secret_file_is_beside_the_configuration_or_among_the_credentials(self, tmp_path: Path) -> None:
        """The first that can be read counts: the daemon may see the original and be allowed the copy only."""
        here, credentials = tmp_path / "etc", tmp_path / "credentials"
        here.mkdir()
        credentials.mkdir()
        config = private(here / "ringwatch.toml", ONE_PBX + 'secret_file = "ami-secret"\n')
        environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
        with pytest.raises(ConfigError, match=f"{here}/ami-secret and {credentials}/ami-secret"):
            load(config, environ)
        private(credentials / "ami-secret", "the copy")
        assert secret_of(load(config, environ)) == "the copy"
        private(here / "ami-secret", "the original")
        assert secret_of(load(config, environ)) == "the original"
        (here / "ami-secret").unlink()
        (here / "ami-secret").mkdir()
        assert secret_of(load(config, environ)) == "the copy"

    def test_an_absolute_secret_file_is_where_it_says(self, tmp_path: Path) -> None:
        """It is not looked for among the credentials."""
        text = f'{ONE_PBX}secret_file = "{tmp_path}/ami-secret"\n'
        (fault,) = faults_of(text, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})
        assert fault.endswith(f"alone to read: {tmp_path}/ami-secret")
        private(tmp_path / "ami-secret", SECRET)
        assert secret_of(parse(text, "x.toml")) == SECRET

    @pytest.mark.parametrize("content", ["hunter2", "hunter2\n", "hunter2\r\n", "hunter2\n\n"])
    def test_a_line_break_at_the_end_of_a_file_is_not_part_of_the_secret(self, tmp_path: Path, content: str) -> None:
        """Editors and echo add one."""
        (tmp_path / "ami-secret").write_bytes(content.encode())
        assert secret_of(parse(ONE_PBX + 'secret_file = "ami-secret"\n', "x.toml", base=tmp_path)) == SECRET

    @pytest.mark.parametrize(
        ("content", "problem"),
        [(b"", "empty"), (b"\n", "empty"), (b"a\nb\n", "not one line of text"), (b"\xff\xfe", "not one line of text")],
    )
    def test_a_file_that_holds_no_secret_is_a_fault(self, tmp_path: Path, content: bytes, problem: str) -> None:
        """A second line would be a header of its own on the manager interface."""
        (tmp_path / "ami-secret").write_bytes(content)
        (fault,) = faults_of(ONE_PBX + 'secret_file = "ami-secret"\n', base=tmp_path)
        assert fault.startswith(f'x.toml:3: pbx[0].secret_file = "ami-secret": {problem}; put the secret')

    def test_a_variable_of_two_lines_is_a_fault(self) -> None:
        """The variable is named, its value is not."""
        (fault,) = faults_of(ONE_PBX, environ={"RINGWATCH_SECRET": "hunter2\nhunter3"})
        assert "the environment variable RINGWATCH_SECRET" in fault
        assert "hunter" not in fault

    def test_a_secret_that_everyone_may_read_is_a_warning(self, tmp_path: Path) -> None:
        """A secret file, or the configuration file where the secret stands in it."""
        secret = private(tmp_path / "ami-secret", SECRET)
        config = private(tmp_path / "ringwatch.toml", ONE_PBX + 'secret_file = "ami-secret"\n')
        config.chmod(0o644)
        assert load(config, {}).warnings == ()
        secret.chmod(0o644)
        assert load(config, {}).warnings == (
            f"{secret}: everyone on this host can read this secret; chmod o-r {secret}",
        )
        config.write_text(WITH_SECRET, encoding="utf-8")
        assert load(config, {}).warnings == (
            f"{config}: everyone on this host can read the secret in this file; chmod o-r {config}",
        )
        config.chmod(0o640)
        assert load(config, {}).warnings == ()

    def test_the_brokers_password_is_found_as_a_secret_is(self, tmp_path: Path) -> None:
        """Variable, the file's own word, credential; a broker may ask for none."""
        table = f'{WITH_SECRET}[mqtt]\nusername = "ringwatch"\n'
        written = f'{table}password = "{SECRET}"\n'
        private(tmp_path / "mqtt-password", "by credential\n")
        credentials = {"CREDENTIALS_DIRECTORY": str(tmp_path)}

        def password(text: str, environ: dict[str, str]) -> str | None:
            mqtt = parse(text, "x.toml", environ=environ).mqtt
            assert mqtt is not None
            return mqtt.password.get_secret_value() if mqtt.password else None

        assert password(table, {}) is None
        assert password(table, credentials) == "by credential"
        assert password(written, credentials) == SECRET
        assert password(written, credentials | {"RINGWATCH_MQTT_PASSWORD": "by variable"}) == "by variable"
        assert SECRET not in f"{parse(written, 'x.toml')!r}"
        file = private(tmp_path / "ringwatch.toml", f"{ONE_PBX}[mqtt]\nusername = 'x'\npassword = '{SECRET}'\n")
        file.chmod(0o644)
        (warning,) = load(file, {"RINGWATCH_SECRET": "x"}).warnings
        assert warning.startswith(f"{file}: everyone on this host can read the secret in this file")

    def test_a_secret_is_never_shown(self, tmp_path: Path) -> None:
        """Not by repr, str, a dump, JSON or a warning."""
        config = load(private(tmp_path / "ringwatch.toml", WITH_SECRET), {})
        shown = f"{config!r} {config} {config.model_dump()} {config.model_dump_json()} {config.pbx[0].secret}"
        assert SECRET not in shown
        assert "**********" in shown

    def test_a_secret_file_is_not_read_where_a_variable_says_the_secret(self, tmp_path: Path) -> None:
        """A container needs no file that its configuration still names."""
        text = ONE_PBX + 'secret_file = "ami-secret"\n'
        assert secret_of(parse(text, "x.toml", base=tmp_path, environ={"RINGWATCH_SECRET": SECRET})) == SECRET

    def test_whom_something_is_told_has_secrets_of_its_own(self, tmp_path: Path) -> None:
        """Found as a PBX's is, under names of their own; a webhook's name is part of them."""
        tables = '[alertmanager]\nusername = "ringwatch"\n[[webhook]]\nname = "pager-1"\nurl = "http://am/?token"\n'
        for name in ("alertmanager-password", "webhook-pager-1-bearer-token"):
            private(tmp_path / name, f"{name} by credential")
        environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "RINGWATCH_WEBHOOK_PAGER_1_SECRET": "by variable"}
        config = parse(f"{WITH_SECRET}{tables}", "x.toml", environ=environ)
        assert config.alertmanager is not None
        (webhook,) = config.webhook
        found = (config.alertmanager.password, webhook.bearer_token, webhook.secret)
        assert [secret and secret.get_secret_value() for secret in found] == [
            "alertmanager-password by credential",
            "webhook-pager-1-bearer-token by credential",
            "by variable",
        ]
        assert (config.alertmanager.bearer_token, webhook.password) == (None, None)

    def test_a_webhooks_secret_is_a_text_or_the_standards_base64(self) -> None:
        """Libraries of Standard Webhooks decode theirs; without a secret nothing is signed."""
        table = '[[webhook]]\nname = "pager"\nurl = "https://am"\n'
        keys = {"": b"", 'secret = "hunter2"': b"hunter2", 'secret = "whsec_aHVudGVyMg=="': b"hunter2"}
        for line, key in keys.items():
            assert parse(f"{WITH_SECRET}{table}{line}", "x.toml").webhook[0].signing_key == key


class TestStandards:
    """What each queue promises, as the core measures it."""

    def test_a_queue_promises_what_it_says_and_otherwise_what_all_do(self) -> None:
        """Unknown queues are held to the general standard."""
        general = '[standard]\ncountry = "uk"\nrings = 4\nshort_abandon_seconds = 3\nlines_waiting = 7\n'
        own = '[queue."support"]\nrings = 2\nlines_waiting = 1\nwrapup_seconds = 20\nmax_occupancy = 0.7\n'
        own += "service_level = 0.9\nservice_level_seconds = 10\nstaffing_window_seconds = 900\n"
        config = parse(f"{WITH_SECRET}{general}{own}", "x.toml")
        assert config.standard_for("sales") == Standard((400, 200, 400, 2000), 4, 3.0, 7, 0.0)
        assert config.standard_for("support") == Standard(
            (400, 200, 400, 2000),
            2,
            3.0,
            1,
            20.0,
            service_level=0.9,
            service_level_seconds=10.0,
            max_occupancy=0.7,
            staffing_window_seconds=900.0,
        )

    @pytest.mark.parametrize(
        ("general", "queue", "cadence"),
        [
            ('country = "fr"', "", CADENCES["fr"]),
            ('country = "fr"\ncadence = [1, 2]', "", (1, 2)),
            ('country = "fr"\ncadence = [1, 2]', "rings = 3", (1, 2)),
            ('country = "fr"\ncadence = [1, 2]', 'country = "us"', CADENCES["us"]),
            ('country = "fr"\ncadence = [1, 2]', 'country = "us"\ncadence = [3, 4]', (3, 4)),
            ('country = "fr"', "cadence = [3, 4]", (3, 4)),
        ],
    )
    def test_the_nearer_word_on_the_cadence_wins(self, general: str, queue: str, cadence: tuple[int, ...]) -> None:
        """A cadence beats a country in the same table; a queue's country beats a general cadence."""
        config = parse(f"{WITH_SECRET}[standard]\n{general}\n[queue.support]\n{queue}\n", "x.toml")
        assert config.standard_for("support").cadence_ms == cadence

    def test_limits_of_talk_and_hold_are_what_the_queue_says(self) -> None:
        """Each by itself; the others are the desk's."""
        general = "[standard]\nhold_limit_seconds = 20\ntalk_target_seconds = 300\ntalk_limit_seconds = 450\n"
        own = '[queue."support"]\nhold_limit_seconds = 45\ntalk_limit_seconds = 500\n'
        config = parse(f"{WITH_SECRET}{general}{own}", "x.toml")
        assert config.standard_for("sales") == Standard(
            hold_limit_seconds=20.0, talk_target_seconds=300.0, talk_limit_seconds=450.0
        )
        assert config.standard_for("support") == Standard(
            hold_limit_seconds=45.0, talk_target_seconds=300.0, talk_limit_seconds=500.0
        )

    def test_how_long_an_agent_may_work_is_for_the_queue_to_say_and_what_a_break_is_is_not(self) -> None:
        """An agent of two queues has one and the same break in both."""
        general = "[standard]\nunbroken_limit_seconds = 5400\nbreak_min_seconds = 600\n"
        config = parse(f'{WITH_SECRET}{general}[queue."support"]\nunbroken_limit_seconds = 3600\n', "x.toml")
        assert config.standard_for("sales") == Standard(unbroken_limit_seconds=5400.0, break_min_seconds=600.0)
        assert config.standard_for("support") == Standard(unbroken_limit_seconds=3600.0, break_min_seconds=600.0)

    def test_call_backs_are_due_when_the_queue_says(self) -> None:
        """After an hour where that was promised; a direct line is held to the general standard."""
        text = '[standard]\ncallback_seconds = 86400\n[queue."support"]\ncallback_seconds = 3600\n'
        policy = parse(f'{WITH_SECRET}{text}[line."reception"]\nextensions = ["3000"]\n', "x.toml").policy_for("main")
        due = [policy.standard(name).callback_seconds for name in ("support", "sales", "reception")]
        assert due == [3600.0, 86400.0, 86400.0]
        (fault,) = faults_of(f"{WITH_SECRET}[standard]\ncallback_seconds = 5000000")
        assert fault.endswith("standard.callback_seconds = 5000000: out of range; give seconds from 1 to 2592000")

    @pytest.mark.parametrize(
        ("text", "where"),
        [
            ("[standard]\ntalk_target_seconds = 900", "standard.talk_target_seconds = 900"),
            ("[standard]\ntalk_limit_seconds = 600", "standard.talk_limit_seconds = 600"),
            ("[standard]\ntalk_limit_seconds = 1200\ntalk_target_seconds = 1300", "standard.talk_limit_seconds = 1200"),
            ("[queue.support]\ntalk_target_seconds = 950", 'queue."support".talk_target_seconds = 950'),
            (
                "[standard]\ntalk_target_seconds = 60\n[queue.support]\ntalk_limit_seconds = 50",
                'queue."support".talk_limit_seconds = 50',
            ),
        ],
    )
    def test_the_target_of_talk_is_less_than_the_limit(self, text: str, where: str) -> None:
        """In one table, and where a queue's own word meets the general one; a queue without a word is not at fault."""
        (fault,) = faults_of(f"{WITH_SECRET}{text}\n[queue.sales]\nrings = 2\n")
        assert where in fault
        assert "is not less than the limit" in fault

    def test_hand_overs_spread_and_reach_are_what_the_queue_says(self) -> None:
        """Each by itself; the others are the desk's."""
        general = "[standard]\nhops = 2\nreach_angry = 12\nreach_happy = 4\n"
        own = '[queue."support"]\nhops = 0\nbounces = 1\nload_gini = 0.5\nreach_angry = 10.5\n'
        config = parse(f"{WITH_SECRET}{general}{own}", "x.toml")
        assert config.standard_for("sales") == Standard(hops=2, reach_angry=12.0, reach_happy=4.0)
        assert config.standard_for("support") == Standard(
            hops=0, bounces=1, load_gini=0.5, reach_angry=10.5, reach_happy=4.0
        )

    def test_limits_that_are_no_numbers_are_one_fault_each(self) -> None:
        """What cannot be compared is not compared."""
        text = (
            "[standard]\ntalk_target_seconds = 'x'\nhold_limit_seconds = 0\n[queue.support]\ntalk_limit_seconds = 1\n"
        )
        assert len(faults_of(f"{WITH_SECRET}{text}")) == 2
        assert len(faults_of(f"{WITH_SECRET}queue = 1\n")) == 1

    def test_the_engine_is_told_all_about_one_pbx(self) -> None:
        """Standards by queue, lines by name, and the trunks of that PBX."""
        config = parse(
            f'{WITH_SECRET}name = "east"\ntrunks = ["PJSIP/trunk"]\n'
            f'{WITH_SECRET}name = "west"\n'
            '[queue."support"]\nrings = 2\n'
            '[line."reception"]\nextensions = ["3000", "_31XX"]\ncontexts = ["from-trunk"]\n',
            "x.toml",
        )
        east = config.policy_for("east")
        assert east.trunks == ("PJSIP/trunk",)
        assert config.policy_for("west").trunks == ()
        assert (east.standard("support").rings, east.standard("sales").rings) == (2, 3)
        assert (east.line("3142", "from-trunk"), east.line("3142", "internal")) == ("reception", "direct")
        with pytest.raises(KeyError):
            config.policy_for("north")

    @given(st.from_regex(r"_?[XZN0-9a-d\[\].!*#+_ -]{0,6}", fullmatch=True))
    def test_a_pattern_that_is_accepted_can_be_matched(self, pattern: str) -> None:
        """What the core cannot match is refused here."""
        try:
            line = LineConfig(extensions=(pattern,))
        except ValidationError:
            return
        extension_matches(line.extensions[0], "3142")


class TestHours:
    """When each queue and line is open, as the core is told."""

    def policy(self, text: str) -> Policy:
        """Return what the engine is told."""
        return parse(f"{WITH_SECRET}{text}", "x.toml").policy_for("main")

    def hours(self, text: str) -> OpeningHours:
        """Return the hours of the desk as a whole."""
        return self.policy(f"[hours]\ntimezone = 'Europe/Amsterdam'\n{text}").hours("any")

    def test_a_desk_of_which_nothing_is_said_is_always_open(self) -> None:
        """A time zone alone says nothing."""
        assert self.policy("").hours("any") == OpeningHours()
        assert self.hours("") == OpeningHours(ZoneInfo("Europe/Amsterdam"))

    @pytest.mark.parametrize(
        ("week", "expected"),
        [
            ('mon-fri = "09:00-17:30", sat = "10:00-16:00"', [((540, 1050),)] * 5 + [((600, 960),), ()]),
            ('fri-mon = "9:00 - 12:00", wed = "closed"', [((540, 720),), (), (), (), *[((540, 720),)] * 3]),
            ('mon-sun = "00:00-24:00", tue = []', [((0, 1440),), (), *[((0, 1440),)] * 5]),
            ('sun = ["13:00-17:00", "9:00-12:00"]', [()] * 6 + [((540, 720), (780, 1020))]),
            ('mon = "22:00-06:00", tue = "06:00-00:00"', [((1320, 1800),), ((360, 1440),)] + [()] * 5),
        ],
    )
    def test_a_week_is_written_by_days_and_ranges_of_days(self, week: str, expected: list[Spans]) -> None:
        """In any order; a day named alone beats a range, a day not named is closed, hours may go on past midnight."""
        assert self.hours(f"week = {{ {week} }}").week == tuple(expected)

    def test_days_may_be_closed_and_opened_by_date(self) -> None:
        """A day, days from one to another, hours of a day, and several of one day."""
        hours = self.hours(
            'closed = ["2027-02-01", "2026-12-31 to 2027-01-01", "2026-12-24 12:00-01:00"]\n'
            'open = ["2027-01-01 12:00-13:00", "2027-01-01 15:00-16:00"]'
        )
        assert hours.closed_days == {date(2026, 12, 31), date(2027, 1, 1), date(2027, 2, 1)}
        assert hours.closed == {date(2026, 12, 24): ((720, 1500),)}
        assert hours.opened == {date(2027, 1, 1): ((720, 780), (900, 960))}

    @pytest.mark.parametrize(
        ("place", "off", "on"),
        [
            ("NL", ["2026-04-27", "2031-12-25"], ["2026-05-05"]),
            ("DE-BY", ["2027-01-06"], ["2027-04-27"]),
            ("DE-BE", ["2027-03-08"], ["2027-01-06"]),
            # The Saturday's holiday is kept on the Friday before, in the year before.
            ("US", ["2021-12-31"], ["2021-12-30"]),
        ],
    )
    def test_public_holidays_are_those_of_the_place(self, place: str, off: list[str], on: list[str]) -> None:
        """King's Day in the Netherlands, Epiphany in Bavaria, Women's Day in Berlin, of any year."""
        holidays = self.hours(f'holidays = "{place}"').holidays
        assert holidays is not None
        assert [day for day in off + on if date.fromisoformat(day) in holidays] == off

    def test_a_queue_has_hours_of_its_own_where_it_says_so(self) -> None:
        """Each key given replaces the general one as a whole, an empty list too; lines are as queues are."""
        policy = self.policy(
            '[hours]\ntimezone = "Europe/Amsterdam"\nholidays = "NL"\nclosed = ["2026-12-24"]\n'
            '[queue."emergency".hours]\nholidays = "none"\nclosed = []\n'
            '[queue."sales"]\nrings = 2\n'
            '[line."london"]\nextensions = ["44"]\nhours.timezone = "Europe/London"\n'
        )
        assert policy.hours("emergency") == OpeningHours(ZoneInfo("Europe/Amsterdam"))
        general = policy.hours("unheard of")
        assert policy.hours("sales") is policy.hours("direct") is general
        assert policy.hours("london") == replace(general, zone=ZoneInfo("Europe/London"))
        assert general.closed_days == {date(2026, 12, 24)}

    def test_a_queue_may_be_the_only_one_that_closes(self) -> None:
        """Then the time zone is its own, too."""
        policy = self.policy('[queue."hours".hours]\ntimezone = "Asia/Tokyo"\nweek = { mon = "09:00-10:00" }\n')
        assert policy.hours("hours").week[0] == ((540, 600),)
        assert policy.hours("sales") == OpeningHours()

    def test_a_configuration_can_be_shown(self) -> None:
        """As JSON, with the zone by its name."""
        text = '[hours]\ntimezone = "Europe/Amsterdam"\nweek = { mon = "09:00-10:00" }\nclosed = ["2026-12-24"]\n'
        shown = parse(WITH_SECRET + text, "x.toml").hours.model_dump(mode="json")
        assert (shown["timezone"], shown["week"]["mon"]) == ("Europe/Amsterdam", [[540, 600]])
        assert shown["closed"] == [["2026-12-24", "2026-12-24", None]]

    def test_the_package_of_holidays_is_loaded_by_nobody_else(self) -> None:
        """A desk without them need not wait for it; and time zones need nothing of the system's."""
        program = (
            "import sys; from ringwatch.config import parse;"
            f"hours = parse({WITH_SECRET + '[hours]'!r} + chr(10) + 'timezone = \"Europe/Amsterdam\"', 'x.toml').hours;"
            "print(hours.timezone, 'holidays' in sys.modules)"
        )
        environment = {**os.environ, "PYTHONTZPATH": ""}
        ran = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
        )
        assert ran.stdout == "Europe/Amsterdam False\n", ran.stderr


def uncommented(text: str) -> str:
    """Return the sample with every key in it switched on; ``#key`` is a key, ``# text`` an explanation."""
    return re.sub(r"(?m)^#(?=[a-z\[])", "", text)


class TestAlerts:
    """How each alert behaves, for all queues and for one."""

    def test_every_alert_of_the_core_has_a_table(self) -> None:
        """In the order of the core."""
        assert list(Alerts.model_fields) == list(ALERTS)

    def test_a_queues_own_keys_go_before_those_of_all(self) -> None:
        """Key by key; what nobody gives follows the standard of the queue."""
        text = """
            [alert.lines_piling_up]
            hold_off_seconds = 3
            severity = "info"
            [queue."support"]
            lines_waiting = 7
            alert.lines_piling_up = { severity = "critical", enabled = false }
            [line."reception"]
            extensions = ["3000"]
            alert.call_too_long.threshold = 2
        """
        policy = parse(f"{WITH_SECRET}{text}", "x.toml").policy_for("main")
        assert rule_for("lines_piling_up", policy, "sales") == Rule(3, 3.0, 30, 0.5, "info")
        assert rule_for("lines_piling_up", policy, "support") == Rule(7, 3.0, 30, 0.5, "critical", enabled=False)
        assert rule_for("call_too_long", policy, "reception").threshold == 2.0
        assert rule_for("call_too_long", policy, "support").threshold == 1


class TestSample:
    """The configuration file that is shipped, which is also the list of all keys."""

    @pytest.fixture
    def text(self) -> str:
        """Return the sample as shipped."""
        return SAMPLE.read_text(encoding="utf-8")

    def test_it_is_right_as_it_is(self, text: str, tmp_path: Path) -> None:
        """With a secret beside it, it loads without a warning and means the defaults."""
        private(tmp_path / "ami-secret", SECRET)
        config = load(private(tmp_path / "ringwatch.toml", text), {})
        assert config.warnings == ()
        least = parse(ONE_PBX, "x.toml", environ={"RINGWATCH_SECRET": SECRET})
        assert config.model_dump(exclude={"pbx"}) == least.model_dump(exclude={"pbx"})
        assert config.pbx[0].model_dump(exclude={"secret_file"}) == least.pbx[0].model_dump(exclude={"secret_file"})

    def test_it_is_right_with_every_key_switched_on(self, text: str, tmp_path: Path) -> None:
        """Every commented key is written as it must be; the exceptions are other ways to say who one is."""
        for name in ("ca.pem", "ringwatch.pem", "ringwatch.key"):
            (tmp_path / name).touch()
        for name in ("alertmanager-password", "webhook-secret", "webhook-password"):
            private(tmp_path / name, SECRET)
        whole = re.sub(r'(?m)^((secret|password) = "\.\.\."|bearer_token.*)\n', "", uncommented(text))
        whole = whole.replace('"http://127.0.0.1:9093"', '"https://127.0.0.1:9093"')
        config = parse(
            whole, "x.toml", base=tmp_path, environ={"RINGWATCH_SECRET": SECRET, "RINGWATCH_MQTT_PASSWORD": "x"}
        )
        assert config.pbx[0].tls == TlsConfig.model_construct(
            ca_file=tmp_path / "ca.pem",
            cert_file=tmp_path / "ringwatch.pem",
            key_file=tmp_path / "ringwatch.key",
            server_name="pbx.example.com",
        )
        assert config.mqtt is not None
        assert config.mqtt.home_assistant == HomeAssistantConfig()
        assert config.alertmanager is not None
        assert config.alertmanager.runbook_url == "https://wiki.example.com/ringwatch/runbook"
        assert [webhook.name for webhook in config.webhook] == ["pager"]
        assert config.queue["support"].rings == 4
        assert config.line["reception"].extensions == ("3000", "_31XX")

    def test_it_holds_every_key_and_tells_the_true_default(self, text: str) -> None:
        """Each key of each table appears, and what is written for it is its default, if it has one."""
        data = tomllib.loads(uncommented(text))
        shown: dict[type[BaseModel], dict[str, Any]] = {
            # A webhook of the sample is an example; by default there is none.
            Config: {**data, "webhook": ()},
            PbxConfig: data["pbx"][0],
            TlsConfig: data["pbx"][0]["tls"],
            QueueConfig: data["queue"]["support"],
            LineConfig: data["line"]["reception"],
            AlertConfig: data["alert"]["longest_wait"],
            MqttConfig: data["mqtt"],
            AlertmanagerConfig: data["alertmanager"],
            WebhookConfig: data["webhook"][0],
            HomeAssistantConfig: data["mqtt"]["home_assistant"],
            **{
                annotation: data[name]
                for name, field in Config.model_fields.items()
                if isinstance(annotation := field.annotation, type)
                and issubclass(annotation, BaseModel)
                # One alert shows the keys of all.
                and annotation is not Alerts
            },
        }
        for table, keys in shown.items():
            assert set(keys) == set(table.model_fields), table
            for name, field in table.model_fields.items():
                default = field.default
                if isinstance(default, str | int | float | bool | tuple):
                    written = tuple(keys[name]) if isinstance(default, tuple) else keys[name]
                    assert (name, written) == (name, default)
        assert str(Address("127.0.0.1", 9816)) == data["web"]["listen"]

    def test_its_table_of_alerts_tells_their_true_defaults(self, text: str) -> None:
        """A line for each, with the hold-off, the clear share and seconds, and the severity that hold by default."""
        rows = {
            words[1]: words[-4:] for line in text.splitlines() if (words := line.split())[1:2] and words[1] in ALERTS
        }
        rules = {key: rule_for(key, Policy(), None) for key in ALERTS}
        assert {
            key: (float(off), float(share), float(clear), severity)
            for key, (off, share, clear, severity) in rows.items()
        } == {
            key: (rule.hold_off_seconds, rule.clear_share, rule.clear_seconds, rule.severity)
            for key, rule in rules.items()
        }
        thresholds = {
            key: re.findall(r"[\d.]+", line)[0]
            for line in text.splitlines()
            for key in ALERTS
            if line.startswith(f"# {key} ")
        }
        assert {key: float(told) for key, told in thresholds.items()} == {
            key: rule.threshold for key, rule in rules.items()
        }

    def test_it_names_every_country(self, text: str) -> None:
        """The comment keeps up with the core's table of cadences."""
        (named,) = re.findall(r"(?m)^# Whose ringing rhythm the phones follow: (.*)\.$", text)
        assert re.split(r", | or ", named) == sorted(CADENCES)


class TestAccount:
    """The manager account that is shipped for Asterisk's side."""

    @pytest.fixture
    def settings(self) -> list[tuple[str, str]]:
        """Return the account's settings in order."""
        lines = [line for line in ACCOUNT.read_text(encoding="utf-8").splitlines() if line and line[0] not in ";["]
        return [(key, value) for key, _, value in (line.partition(" = ") for line in lines)]

    def test_it_may_read_calls_and_lists_and_nothing_more(self, settings: list[tuple[str, str]]) -> None:
        """No class that originates, commands or configures, and only this host may use it. Pitfall 13."""
        given_once = dict(settings)
        assert given_once["read"] == "system,call,agent,dialplan"
        assert given_once["write"] == "reporting"
        assert [value for key, value in settings if key == "permit"] == ["127.0.0.1/255.255.255.255", "::1/128"]

    @pytest.mark.parametrize("capture", ["mix-16", "mix-22", "scenarios-16", "scenarios-22"])
    def test_its_filters_drop_the_noise_and_nothing_else(self, settings: list[tuple[str, str]], capture: str) -> None:
        """Applied as Asterisk does to a recorded stream, they leave every event but four kinds and idle VarSets.

        Pitfall 15.
        """
        filters = [value for key, value in settings if key == "eventfilter"]
        wanted = [re.compile(each, re.DOTALL) for each in filters if not each.startswith("!")]
        unwanted = [re.compile(each[1:], re.DOTALL) for each in filters if each.startswith("!")]
        stream = gzip.decompress((CAPTURES / capture / "stream.ami.gz").read_bytes()).decode("utf-8", "replace")
        events = [block for block in stream.split("\r\n\r\n") if block.startswith("Event: ")]
        dropped = {
            block.splitlines()[0]
            for block in events
            if not any(each.search(block) for each in wanted) or any(each.search(block) for each in unwanted)
            if "\r\nVariable: QUEUESTATUS\r\n" not in block
        }
        assert dropped == {"Event: VarSet", "Event: DeviceStateChange", "Event: RTCPSent", "Event: TestEvent"}
        outcomes = [block for block in events if "\r\nVariable: QUEUESTATUS\r\n" in block]
        assert all(any(each.search(block) for each in wanted) for block in outcomes)
        assert not any(each.search(block) for each in unwanted for block in outcomes)
