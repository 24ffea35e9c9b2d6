"""What deployments of GitHub and of GitLab have in common."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec

from perftui.model.failure import FailureKind, SourceError
from perftui.model.http_answer import HttpAnswer
from perftui.sources.deploy import Deploy, DeployKind, DeployStatus

INTERVAL_S = 60.0
DEADLINE_S = 30.0
_VERSION = re.compile(r"(?:[a-z]+[-_/])*v?\d+(?:\.\d+)+\S*")

T = TypeVar("T")


class ForgeApi(Protocol):
    """One server; raises SourceError."""

    @property
    def base(self) -> str: ...
    async def get(self, path: str) -> HttpAnswer: ...


def decoded(answer: HttpAnswer, kind: type[T], what: str) -> T:
    """The JSON of an answer.

    Raises:
        SourceError: MALFORMED.
    """
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        words = "".join(char if char.isprintable() else "?" for char in str(exc)[:100])
        raise SourceError(FailureKind.MALFORMED, f"{what}: not the expected JSON ({words})") from None


def version_of(ref: str, sha: str) -> str | None:
    """A tag that looks like a version (`v2.8.1`, `api-2.8.1`), else the commit."""
    return ref if _VERSION.fullmatch(ref) else sha or ref or None


def in_order(newest_first: Sequence[Deploy]) -> list[Deploy]:
    """Each with the version that ran before it; one that has run before that is a rollback."""
    found: list[Deploy] = []
    ran: list[str] = []
    for deploy in reversed(newest_first):
        previous = ran[-1] if ran else None
        back = deploy.version in ran and deploy.version != previous
        kind = DeployKind.ROLLBACK if back and deploy.kind is DeployKind.DEPLOY else deploy.kind
        found.append(
            msgspec.structs.replace(deploy, previous=None if previous == deploy.version else previous, kind=kind)
        )
        if deploy.status is DeployStatus.SUCCEEDED and deploy.version:
            ran.append(deploy.version)
    return found[::-1]
