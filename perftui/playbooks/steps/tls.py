"""`tls`: the certificate chain of a server, and how long it is good for."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import field

from perftui.playbooks.document import Do, Step
from perftui.playbooks.steps.kind import Kind, Place
from perftui.playbooks.steps.world import Done, Unfilled, World
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


async def execute(step: Step, do: Tls, world: World) -> Done:
    """Read the chain. One that is expired or not trusted is read as well: what that means is for the step's assessments."""
    try:
        host = world.fill(do.host)
        name = host if do.server_name is None else world.fill(do.server_name)
    except Unfilled as exc:
        return Done(state="refused", why=str(exc))
    found = await world.certificates(host, do.port, name, do.timeout_s)
    values = {
        "days_left": found.days_left,
        "trusted": found.trusted,
        "name_matches": found.name_matches,
        "issuer": found.issuer,
        "subject": found.subject,
    }
    return Done(
        state="passed", values=values, output="\n".join([*found.chain, *([found.problem] if found.problem else [])])
    )


KIND = Kind(
    name="tls",
    do=Tls,
    text="reads a server's certificate chain and the days it is good for",
    short="host",
    outside=True,
    fields={"days_left": "count", "trusted": "yes/no", "name_matches": "yes/no", "issuer": "text", "subject": "text"},
    templates=_templates,
    execute=execute,
)
