"""``[alertmanager]`` and ``[[webhook]]``: to whom alerts are told, and how ringwatch proves who it is.

Where a password, a token or a secret comes from: ``ringwatch.config.credentials``.
"""

import base64
from typing import Annotated, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, PlainValidator, SecretStr, ValidationInfo, field_validator

from ringwatch.config.checks import TABLE, Limit, Name, Pause, Text, a_list, one_of, refuse, text_of
from ringwatch.config.tls import TlsConfig
from ringwatch.core.alerts import ALERTS
from ringwatch.core.rules import Severity

_IN_BASE64 = "whsec_"
_EXAMPLE = 'as in "https://alerts.example.com:9093"'


def _url(value: object) -> str:
    text = text_of(value)
    try:
        parts = urlsplit(text)
        right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and " " not in text
    except ValueError:
        right = False
    # An address may hold a secret: none of them is shown.
    if not right:
        refuse("not the address of a web server", f"give one with its scheme, {_EXAMPLE}", shown=False)
    if parts.username is not None:
        refuse("holds a user name", "give it apart: username, and password_file", shown=False)
    return text


def _base(value: object) -> str:
    text = _url(value)
    if "?" in text or "#" in text:
        refuse("more than an address", "leave out what begins with ? or #", shown=False)
    return text.removesuffix("/")


Url = Annotated[str, PlainValidator(_url)]
BaseUrl = Annotated[str, PlainValidator(_base)]
"""An address that paths are added to; without a slash at its end."""


class Access(BaseModel):
    """What it takes to be let in by a web server; times are in seconds."""

    model_config = TABLE

    timeout_seconds: Pause = 5.0
    """For the whole of one request."""
    username: Text | None = None
    password: SecretStr | None = None
    password_file: Text | None = None
    bearer_token: SecretStr | None = None
    bearer_token_file: Text | None = None
    tls: TlsConfig | None = None
    """The authority to trust and the certificate to show at https addresses."""

    @field_validator("bearer_token")
    @classmethod
    def _alone(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if token is not None and info.data.get("username") is not None:
            refuse("given beside username", "give a name and a password, or a token", shown=False)
        return token


def _encrypted(url: str, info: ValidationInfo) -> None:
    if info.data.get("tls") is not None and url.startswith("http:"):
        refuse("no https address, and there is a tls table", "write https://, or take the tls table out", shown=False)


class AlertmanagerConfig(Access):
    """``[alertmanager]``: every Alertmanager that alerts are pushed to."""

    urls: Annotated[tuple[BaseUrl, ...], a_list('["http://127.0.0.1:9093"]', least=1)] = ("http://127.0.0.1:9093",)
    resend_seconds: Limit = 10.0
    """How often what stands is told again."""
    expire_seconds: Annotated[Limit, Field(validate_default=True)] = 120.0
    """How long an alert is believed that is not told again."""
    generator_url: Url | None = None
    """Where the alerts lead back to; the daemon's own pages when not given."""
    runbook_url: BaseUrl | None = None
    """The page of the runbook, to which the name of the alert is added; no annotation when not given."""

    @field_validator("urls")
    @classmethod
    def _urls_fit_tls(cls, urls: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for url in urls:
            _encrypted(url, info)
        return urls

    @field_validator("expire_seconds")
    @classmethod
    def _outlasts_a_failure(cls, expire: float, info: ValidationInfo) -> float:
        resend = info.data.get("resend_seconds", 0.0)
        if expire < 3 * resend:
            refuse(
                f"{expire:g} s is less than three times resend_seconds, {resend:g} s",
                f"give {3 * resend:g} or more, or an alert ends when one push fails",
            )
        return expire


class WebhookConfig(Access):
    """``[[webhook]]``: an address of one's own that alerts are posted to; an empty list is all of them."""

    name: Name
    """For the log and the metrics: the address itself may be a secret."""
    url: Url
    secret: SecretStr | None = None
    secret_file: Text | None = None
    severities: Annotated[
        tuple[Annotated[str, one_of(get_args(Severity))], ...], a_list('["critical", "warning"]')
    ] = ()
    alerts: Annotated[tuple[Annotated[str, one_of(ALERTS)], ...], a_list('["longest_wait"]')] = ()
    queues: Annotated[tuple[Text, ...], a_list('["support"]')] = ()

    @property
    def signing_key(self) -> bytes:
        """What the secret stands for; empty when there is none, and nothing is signed."""
        secret = self.secret.get_secret_value() if self.secret is not None else ""
        encoded = secret.removeprefix(_IN_BASE64)
        return secret.encode() if encoded == secret else base64.b64decode(encoded, validate=True)

    @field_validator("secret")
    @classmethod
    def _can_be_decoded(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and secret.get_secret_value().startswith(_IN_BASE64):
            try:
                base64.b64decode(secret.get_secret_value().removeprefix(_IN_BASE64), validate=True)
            except ValueError:
                problem = f"begins with {_IN_BASE64} and does not go on in base64"
                refuse(problem, "give it as the receiver has it", shown=False)
        return secret

    @field_validator("url")
    @classmethod
    def _url_fits_tls(cls, url: str, info: ValidationInfo) -> str:
        _encrypted(url, info)
        return url
