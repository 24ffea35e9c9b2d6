"""Certificates of an authority of the drill's own, for `localhost`."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

from perftui.model.failure import FailureKind, SourceError

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl_is_here() -> bool:
    return shutil.which("openssl") is not None


class Authority:
    """A root, and the context of a server that shows what it signed last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "tls"
        self._folder.mkdir(mode=0o700)
        self.root = self._folder / "root.crt"
        root_key = self._folder / "root.key"
        self._openssl(
            *("req", "-x509", "-new", *_KEY, "-keyout", f"{root_key}", "-out", f"{self.root}"),
            *("-subj", "/CN=Drill Authority", "-days", "365"),
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.show(200)

    def show(self, days: int) -> None:
        """Have the server show a certificate that ends in so many days; a negative number is one that has ended."""
        key, request, made = (self._folder / f"server.{kind}" for kind in ("key", "csr", "crt"))
        extensions = self._folder / "server.ext"
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self._openssl("req", "-new", *_KEY, "-keyout", f"{key}", "-out", f"{request}", "-subj", "/CN=shop.example")
        self._openssl(
            *("x509", "-req", "-in", f"{request}", "-CA", f"{self.root}", "-CAkey", f"{self._folder / 'root.key'}"),
            *("-CAcreateserial", "-days", f"{days}", "-extfile", f"{extensions}", "-out", f"{made}"),
        )
        self.context.load_cert_chain(made, key)

    def _openssl(self, *words: str) -> None:
        done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SourceError(FailureKind.UNSUPPORTED, f"openssl: {done.stderr.strip()[-200:]}")
