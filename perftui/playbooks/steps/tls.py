"""`tls`: the certificate chain of a server, and how long it is good for."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import field

from perftui.playbooks.document import Do
from perftui.playbooks.steps.kind import Kind, Place
from perftui.playbooks.template import Template
from perftui.playbooks.values import Duration


class Tls(Do, frozen=True, kw_only=True):
    host: Template
    port: int = 443
    server_name: Template | None = None
    """Asked for in the handshake (SNI); the host unless given."""
    timeout_s: Duration = field(name="timeout", default=Duration(10))


def _templates(do: Tls) -> Iterator[tuple[Place, Template]]:
    yield ("host",), do.host
    if do.server_name is not None:
        yield ("server_name",), do.server_name


KIND = Kind(
    name="tls",
    do=Tls,
    text="reads a server's certificate chain and the days it is good for",
    short="host",
    fields={"days_left": "count", "trusted": "yes/no", "name_matches": "yes/no", "issuer": "text", "subject": "text"},
    templates=_templates,
)
