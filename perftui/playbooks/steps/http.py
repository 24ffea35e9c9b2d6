"""`http`: a probe with the time of each of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import field

from perftui.playbooks.document import Do, Effect, Step
from perftui.playbooks.steps.kind import Kind, Place, Problem
from perftui.playbooks.steps.world import Done, Unfilled, World
from perftui.playbooks.template import Template
from perftui.playbooks.values import Duration


class Http(Do, frozen=True, kw_only=True):
    url: Template
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    timeout_s: Duration = field(name="timeout", default=Duration(10))
    expect_status: tuple[int, ...] = (200,)
    headers: dict[str, Template] = {}
    body: Template | None = None


def _templates(do: Http) -> Iterator[tuple[Place, Template]]:
    yield ("url",), do.url
    yield from ((("headers", name), value) for name, value in do.headers.items())
    if do.body is not None:
        yield ("body",), do.body


def _check(step: Step, do: Http) -> Iterator[Problem]:
    whole = do.url.startswith("${")
    if not whole and not do.url.startswith(("http://", "https://")):
        yield Problem(("url",), f"{do.url!r} is no address", "write https://HOST/PATH")
    if do.body is not None and do.method in ("GET", "HEAD"):
        yield Problem(("body",), f"a {do.method} has no body", "leave it out, or write method: POST")
    for name in do.headers:
        if not name.replace("-", "").isalnum():
            yield Problem(("headers", name), f"{name!r} is no header", "write letters, digits and hyphens")


async def execute(step: Step, do: Http, world: World) -> Done:
    """Ask once; a status that is expected passes."""
    try:
        url = world.fill(do.url)
        headers = {name: world.fill(value, secret=True) for name, value in do.headers.items()}
        body = None if do.body is None else world.fill(do.body, secret=True)
    except Unfilled as exc:
        return Done(state="refused", why=str(exc))
    reply = await world.request(do.method, url, headers, body, do.timeout_s)
    values = {
        "status": reply.status,
        "total_s": reply.total_s,
        "dns_s": reply.dns_s,
        "connect_s": reply.connect_s,
        "tls_s": reply.tls_s,
        "first_byte_s": reply.first_byte_s,
        "body_bytes": reply.body_bytes,
    }
    if reply.problem or reply.status is None:
        return Done(state="failed", why=reply.problem, values=values, output=reply.body, timed_out=reply.timed_out)
    if reply.status not in do.expect_status:
        wanted = " or ".join(map(str, do.expect_status))
        return Done(state="failed", why=f"status {reply.status}, expected {wanted}", values=values, output=reply.body)
    return Done(state="passed", values=values, output=reply.body)


KIND = Kind(
    name="http",
    do=Http,
    text="asks an address and times its parts; a method other than GET and HEAD is a change",
    short="url",
    acts=True,
    undoes=True,
    outside=True,
    effect=lambda do: Effect.READ if do.method in ("GET", "HEAD") else Effect.CHANGE,
    fields={
        "status": "count",
        "total_s": "s",
        "dns_s": "s",
        "connect_s": "s",
        "tls_s": "s",
        "first_byte_s": "s",
        "body_bytes": "bytes",
    },
    captures=True,
    templates=_templates,
    check=_check,
    execute=execute,
)
