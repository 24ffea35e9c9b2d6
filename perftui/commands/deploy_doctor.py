"""What `perftui doctor` tells of deploys: each place, and what could tell more."""

from __future__ import annotations

import asyncio

from perftui.commands.deploy_sources import DeploysConfig, deploy_sources
from perftui.commands.remote_deploys import Closing
from perftui.model.failure import SourceError
from perftui.sources.deploy import DeploysSample
from perftui.sources.kind import Source

SECTIONS = {
    "systemd": "systemd is not this system's init, or is switched off",
    "packages": "no log of apt, dpkg or dnf here",
    "kubernetes": "no kubeconfig (KUBECONFIG, ~/.kube/config) and not in a pod, or switched off",
}
NAMED = {
    "git": 'no directory named; [deploys.git] SERVICE = "/directory" in the config',
    "capistrano": 'no directory named; [deploys.capistrano] SERVICE = "/directory" in the config',
    "github": 'no repository named; [deploys.github.SERVICE] repo = "OWNER/NAME" in the config',
    "gitlab": 'no project named; [deploys.gitlab.SERVICE] project = "GROUP/NAME" in the config',
}


async def deploy_lines(config: DeploysConfig) -> list[str]:
    """A line for each place that is looked at, and for each source that is off, with what would switch it on."""
    closing: Closing = []
    sources = deploy_sources(config, closing=closing)
    try:
        told = await asyncio.gather(*(_source_lines(source, config.days) for source in sources))
    finally:
        for close in closing:
            await close()
    lines = [line for of_source in told for line in of_source]
    have = {source.name for source in sources}
    off = {**SECTIONS, **NAMED}
    return [*lines, *(f"  off      deploys  {name}: {why}" for name, why in off.items() if name not in have)]


async def _source_lines(source: Source, days: float) -> list[str]:
    try:
        sample = await asyncio.wait_for(source.sample(), source.deadline_s + 1)
    except SourceError as exc:
        return [f"  missing  deploys  {source.name}: {exc.detail}"]
    except TimeoutError:
        return [f"  missing  deploys  {source.name}: no answer for {source.deadline_s + 1:.0f} s"]
    assert isinstance(sample, DeploysSample)
    lines = []
    for place in sample.places:
        state = "missing" if place.unknown_since_at is not None else "partial" if place.trouble else "ok"
        lines.append(f"  {state:<8} deploys  {source.name} {place.name}{f': {place.trouble}' if place.trouble else ''}")
    count = len(sample.deploys)
    lines.append(f"           {'':7}  {count} change{'' if count == 1 else 's'} in the last {days:g} days")
    return lines
