"""``tls`` inside the table of whatever is reached over a network: its presence switches TLS on."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from ringwatch.config.checks import TABLE, ExistingFile, Host, refuse


class TlsConfig(BaseModel):
    """With no key at all, the system's authorities vouch for the other end."""

    model_config = TABLE

    ca_file: ExistingFile | None = None
    cert_file: ExistingFile | None = None
    key_file: Annotated[ExistingFile | None, Field(validate_default=True)] = None
    server_name: Host | None = None
    """The name the certificate must carry; the host that is called when not given."""

    @field_validator("key_file")
    @classmethod
    def _with_its_certificate(cls, key_file: Path | None, info: ValidationInfo) -> Path | None:
        # A certificate that failed its own check is absent from info.data: one fault is enough.
        if "cert_file" in info.data and (key_file is None) != (info.data["cert_file"] is None):
            if key_file is None:
                refuse("missing beside cert_file", "give the certificate's private key")
            else:
                refuse("given without cert_file", "give the certificate that belongs to it")
        return key_file


def port_of_tls(table: object, port: int) -> object:
    """Return an unchecked table with the port that is usual with TLS, where it has a ``tls`` and no port.

    Not a default factory: that is not called, and is a fault of its own, when an earlier key is wrong.
    """
    if isinstance(table, dict) and "port" not in table and table.get("tls") is not None:
        return {**table, "port": port}
    return table
