"""A certificate authority and a server certificate for AMI over TLS, made anew for each Asterisk."""

from __future__ import annotations

import subprocess
from pathlib import Path

_EC_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256")


def make_certificates(folder: Path) -> None:
    """Write ca.crt, server.crt and server.key (for 127.0.0.1 and localhost) to the folder."""
    authority, key = folder / "ca.crt", folder / "ca.key"
    _openssl(
        *("req", "-x509", *_EC_KEY, "-days", "30", "-subj", "/CN=ringwatch test CA"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-keyout", str(key), "-out", str(authority)),
    )
    request = folder / "server.csr"
    _openssl(
        *("req", *_EC_KEY, "-subj", "/CN=127.0.0.1"),
        *("-keyout", str(folder / "server.key"), "-out", str(request)),
    )
    extensions = folder / "server.ext"
    extensions.write_text(
        "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n"
        "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
    )
    _openssl(
        *("x509", "-req", "-in", str(request), "-CA", str(authority), "-CAkey", str(key), "-set_serial", "1"),
        *("-days", "30", "-sha256", "-extfile", str(extensions), "-out", str(folder / "server.crt")),
    )


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], check=False, capture_output=True, text=True, timeout=30)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.strip()}")
