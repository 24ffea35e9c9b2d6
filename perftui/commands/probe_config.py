"""`[probes.NAME]` and `[slo]` of the config: what may stand there, and what is wrong with it in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from perftui.commands.config_checks import check_url
from perftui.model.failure import UsageError
from perftui.sources.probes import Below

MOST_PROBES = 20
"""Ours: so many cost a host little that has little left."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection"})


class ProbeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One probe: `[probes.NAME]`."""

    url: str
    method: Literal["GET", "HEAD"] = "GET"
    every_s: float = 5.0
    """Ours: S002 35.7.1 probes every 5 minutes for years; this console is watched for minutes."""
    timeout_s: float = 10.0
    """S002 35.7.1."""
    expect_status: int = 200
    headers_from_env: dict[str, str] = {}
    """Header → the environment variable that holds its value: secrets stand in no file and in no frame."""
    ca_file: str | None = None
    """Certificates to trust beside the system's."""
    external: bool = False
    """A dependency of others' making."""
    depends_on: tuple[Below, ...] = ()
    """What of this host serves it."""
    p95_s: float | None = None
    """Its own objective in place of `[slo]`'s."""
    error_ratio: float | None = None


class SloConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked of every probe that has no objective of its own: `[slo]`."""

    tier: Literal[1, 2, 3] | None = None
    p95_s: float | None = None
    error_ratio: float | None = None
    window_s: float = 3600.0
    """Over which the error budget is counted; at most the hour that is kept."""


class Objective(msgspec.Struct, frozen=True):
    p95_s: float | None
    error_ratio: float | None


TIERS = {1: Objective(0.2, 0.001), 2: Objective(1.0, 0.005), 3: Objective(5.0, 0.01)}
"""S003: errors below 0.1, 0.5 and 1 %; the P95 of its first application of each tier (customer API, internal web, reporting)."""


def objective(probe: ProbeConfig, slo: SloConfig) -> Objective:
    """The probe's own, else what `[slo]` says, else what its tier says."""
    tier = TIERS[slo.tier] if slo.tier else Objective(None, None)
    return Objective(
        next((value for value in (probe.p95_s, slo.p95_s, tier.p95_s) if value is not None), None),
        next((value for value in (probe.error_ratio, slo.error_ratio, tier.error_ratio) if value is not None), None),
    )


def check(probes: Mapping[str, ProbeConfig], slo: SloConfig, where: str) -> None:
    """Refuse what can't be probed, or should not be.

    Raises:
        UsageError: with the file, the key and what was expected.
    """
    if len(probes) > MOST_PROBES:
        raise UsageError(f"{where}: {len(probes)} probes; at most {MOST_PROBES}")
    for name, probe in probes.items():
        place = f"{where}: probes.{name}"
        if not _NAME.fullmatch(name):
            raise UsageError(f"{where}: probes.{name!r}: a name has up to 40 letters, digits, _ and -")
        check_url(probe.url, f"{place}: url")
        _check_headers(probe.headers_from_env, place)
        _check_between(place, "every_s", probe.every_s, 1, 3600)
        _check_between(place, "timeout_s", probe.timeout_s, 0.1, 60)
        _check_between(place, "expect_status", probe.expect_status, 200, 599)
        _check_objective(place, probe.p95_s, probe.error_ratio)
    _check_objective(f"{where}: slo", slo.p95_s, slo.error_ratio)
    _check_between(f"{where}: slo", "window_s", slo.window_s, 300, 3600)


def _check_headers(headers: Mapping[str, str], place: str) -> None:
    for header in headers:
        if not _HEADER.fullmatch(header) or header.lower() in _OURS:
            raise UsageError(f"{place}: headers_from_env: {header!r} is no header that can be set")


def _check_objective(place: str, p95_s: float | None, error_ratio: float | None) -> None:
    if p95_s is not None:
        _check_between(place, "p95_s", p95_s, 0.001, 60)
    if error_ratio is not None:
        _check_between(place, "error_ratio", error_ratio, 0.00001, 1)


def _check_between(place: str, key: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise UsageError(f"{place}: {key}: {value:g} is outside {least:g} to {most:g}")
