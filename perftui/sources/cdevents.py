"""CDEvents 0.3 to 0.5 about services, bare or as the data of a CloudEvent (structured mode)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote

from perftui.sources.deploy import Deploy, DeployKind, DeployStatus
from perftui.sources.deploy_text import told

_TYPE = re.compile(r"dev\.cdevents\.(\w+)\.(\w+)(?:\.\d.*)?$")
_KINDS = {
    "deployed": DeployKind.DEPLOY,
    "upgraded": DeployKind.DEPLOY,
    "rolledback": DeployKind.ROLLBACK,
    "removed": DeployKind.CONFIG,
}


class Ignored(Exception):
    """A CDEvent that tells of no deploy: builds, tests, tickets, a published service."""


def cdevent(given: dict[str, Any], key: str, seen_at: float) -> Deploy | None:
    """The deploy that an event tells of; None where the object is no CDEvent.

    Raises:
        Ignored: another event.
        ValueError: it lacks what every such event has; in words.
    """
    event = given
    if "specversion" in given and isinstance(given.get("data"), dict):
        event = given["data"]
    context, subject = event.get("context"), event.get("subject")
    if not isinstance(context, dict) or not isinstance(subject, dict):
        return None
    kind = _TYPE.match(str(context.get("type")))
    if kind is None:
        return None
    if kind[1] != "service" or kind[2] not in _KINDS:
        raise Ignored(kind[0])
    content = subject.get("content")
    content = content if isinstance(content, dict) else {}
    environment = content.get("environment")
    service = told(str(subject.get("id") or ""), 100)
    if service is None:
        raise ValueError("subject.id: missing in the event; expected the service's name")
    event_id = told(str(context.get("id") or ""), 100)
    return Deploy(
        id=f"cdevents:{event_id}" if event_id else key,
        at=_at(context.get("timestamp")),
        precision_s=1.0,
        service=service,
        version=told(purl_version(str(content.get("artifactId") or "")), 100),
        source="cdevents",
        kind=_KINDS[kind[2]],
        status=DeployStatus.SUCCEEDED,
        env=told(str(environment.get("id") or ""), 60) if isinstance(environment, dict) else None,
        detail=told(f"{kind[2]}, told by {context.get('source') or 'nobody'}", 300),
        seen_at=seen_at,
    )


def _at(timestamp: object) -> float:
    try:
        return datetime.fromisoformat(str(timestamp)).timestamp()
    except ValueError:
        raise ValueError("context.timestamp: no moment; expected 2026-02-11T10:37:12Z") from None


def purl_version(purl: str) -> str | None:
    """`2.8.1` of `pkg:oci/orders-api@sha256%3A24…?tag=2.8.1` and of `pkg:deb/debian/curl@2.8.1`: the tag before the hash."""
    address, _, qualifiers = purl.partition("#")[0].partition("?")
    if not address.startswith("pkg:"):
        return None
    tags = parse_qs(qualifiers).get("tag")
    if tags:
        return tags[0]
    return unquote(address.rpartition("@")[2]) if "@" in address else None
