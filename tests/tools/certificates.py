"""Certificates for TLS tests, made by openssl: authorities, and what they sign."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its private key, in PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority of its own."""

    def __init__(self, folder: Path) -> None:
        """Make its key and its certificate, valid from now on, in an empty folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._own = self._files("authority")
        self.certificate = self._own.certificate
        _openssl(
            *("req", "-x509", *_KEY, "-days", "2", "-subj", f"/CN=ringwatch test authority {folder.name}"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-keyout", str(self._own.key), "-out", str(self._own.certificate)),
        )

    def sign(self, name: str, subject_names: str = "DNS:nobody") -> Certificate:
        """Make a certificate for a server or a client; ``subject_names`` are as openssl writes them."""
        made = self._files(name)
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        _openssl("req", *_KEY, "-subj", f"/CN={name}", "-keyout", str(made.key), "-out", str(request))
        extensions.write_text(
            f"subjectAltName={subject_names}\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n"
            "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        )
        _openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self._own.certificate), "-CAkey", str(self._own.key)),
            *("-set_serial", str(len(name)), "-days", "2", "-sha256", "-extfile", str(extensions)),
            *("-out", str(made.certificate)),
        )
        return made

    def lock(self, made: Certificate) -> Path:
        """Return a copy of a private key that asks for a passphrase."""
        locked = made.key.with_suffix(".locked")
        _openssl("ec", "-in", str(made.key), "-aes256", "-passout", "pass:locked", "-out", str(locked))
        return locked

    def _files(self, name: str) -> Certificate:
        return Certificate(self._folder / f"{name}.crt", self._folder / f"{name}.key")


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)
