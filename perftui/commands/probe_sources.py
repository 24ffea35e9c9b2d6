"""From `[probes.NAME]` and `[slo]` to what is sampled; nothing is probed that is not configured."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from perftui.clients.clock import SystemClock
from perftui.commands.probe_config import ProbeConfig, SloConfig, objective
from perftui.model.failure import FailureKind, SourceError
from perftui.model.probe import ProbeResult
from perftui.sources.kind import Source
from perftui.sources.probes import Prober, Probes, ProbeTarget

if TYPE_CHECKING:
    from perftui.commands.config import Config


class Unprepared:
    """A probe that lacks what its request needs: said at each try, and no reason to keep the console shut."""

    def __init__(self, problem: str) -> None:
        self._problem = problem

    async def probe(self) -> ProbeResult:
        raise SourceError(FailureKind.MISSING, self._problem)


def probe_sources(config: Config) -> list[Source]:
    """The source of all probes; none where none is configured."""
    if not config.probes:
        return []
    return [
        Probes(
            {name: (target(probe, config.slo), prober(probe)) for name, probe in config.probes.items()}, SystemClock()
        )
    ]


def target(probe: ProbeConfig, slo: SloConfig) -> ProbeTarget:
    """What frames tell of a probe."""
    wanted = objective(probe, slo)
    return ProbeTarget(
        url=urlsplit(probe.url)._replace(query="", fragment="").geturl(),
        method=probe.method,
        every_s=probe.every_s,
        timeout_s=probe.timeout_s,
        external=probe.external,
        depends_on=probe.depends_on,
        p95_s=wanted.p95_s,
        error_ratio=wanted.error_ratio,
        budget_window_s=slo.window_s,
    )


def prober(probe: ProbeConfig, environment: Mapping[str, str] = os.environ) -> Prober:
    """What makes its requests, with the secrets of the environment."""
    from perftui.clients.http_probe import HttpProbe

    missing = [name for name in probe.headers_from_env.values() if not environment.get(name)]
    if missing:
        return Unprepared(f"environment variable {missing[0]} is not set; export it before perftui starts")
    headers = {header: environment[name] for header, name in probe.headers_from_env.items()}
    unsendable = [name for name in probe.headers_from_env.values() if not _sendable(environment[name])]
    if unsendable:
        return Unprepared(f"environment variable {unsendable[0]} holds a line break or a sign no header may have")
    return HttpProbe(
        probe.url,
        SystemClock().mono,
        method=probe.method,
        timeout_s=probe.timeout_s,
        expect_status=probe.expect_status,
        headers=headers,
        ca_file=probe.ca_file,
    )


def _sendable(value: str) -> bool:
    return value.isascii() and value.isprintable() and value == value.strip()
