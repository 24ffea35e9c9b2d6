"""Records of deploys, and places read as a source reads them, that several tests share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from perftui.sources.deploy import Deploy, DeployKind, DeploysSample
from perftui.sources.deploy_places import DeployPlace, DeployPlaces
from perftui.sources.files import T
from tests.sources.manual_clock import ManualClock

AT = 1_770_806_232.0
"""2026-02-11 10:37:12 UTC."""


def deploy(minutes: float = 0.0, version: str | None = "2.8.1", **fields: Any) -> Deploy:
    """orders-api, told by git, so many minutes after 10:37:12."""
    at = AT + minutes * 60
    given: dict[str, Any] = {
        "id": f"{fields.get('source', 'git')}:{fields.get('at', at)}",
        "at": at,
        "precision_s": 1.0,
        "service": "orders-api",
        "version": version,
        "source": "git",
        "kind": DeployKind.DEPLOY,
        "seen_at": at,
    }
    return Deploy(**{**given, **fields})


class SameThread:
    """Runs a worker's call at once."""

    async def run(self, call: Callable[[], T]) -> T:
        return call()

    def cpu_s(self) -> float:
        return 0.0


class WallClock(ManualClock):
    """A clock whose day is that of the records."""

    def wall(self) -> float:
        return AT + self.now - 1000.0


def source(*places: DeployPlace, clock: ManualClock | None = None, days: float = 7.0) -> DeployPlaces:
    return DeployPlaces("test", places, clock or WallClock(), SameThread(), days=days)


def utc(sample: DeploysSample) -> list[str]:
    """The moments of its changes."""
    return [f"{datetime.fromtimestamp(each.at, UTC):%Y-%m-%d %H:%M:%S}" for each in sample.deploys]
