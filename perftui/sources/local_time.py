"""Moments that a log wrote in its host's local time, without saying which zone that was."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import NamedTuple


class LocalMoment(NamedTuple):
    at: float
    """Wall clock, seconds since 1970 UTC."""
    precision_s: float
    """1, as such logs write seconds; the hour's doubt more where the clock was put back and the hour came twice."""


def local_moment(text: str, zone: tzinfo) -> LocalMoment:
    """`2026-02-11 10:37:12`, with any number of blanks in the middle, as a moment.

    Raises:
        ValueError: it is no date and time.
    """
    naive = datetime.fromisoformat(" ".join(text.split()))
    if naive.tzinfo is not None:
        return LocalMoment(naive.timestamp(), 1.0)
    first, second = (naive.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    return LocalMoment(first, 1.0 + abs(second - first))


def zone_words(zone: tzinfo, at: float) -> str:
    """`local time CET (UTC+01:00)` for a record's detail; empty where the host lives in UTC."""
    moment = datetime.fromtimestamp(at, zone)
    if not moment.utcoffset():
        return ""
    offset = moment.strftime("%z")
    return f"logged in local time {moment.tzname()} (UTC{offset[:3]}:{offset[3:]})"
