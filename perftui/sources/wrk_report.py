"""What wrk and wrk2 print at their end: percentiles that they made themselves, of results that nobody keeps.

Source: wrk 4 with `--latency`. wrk measures from sending to answer, so its percentiles leave out what a system
that hangs makes others wait; wrk2's do not.
"""

from __future__ import annotations

import re

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_BEGIN = re.compile(r"^Running [\d.]+\w+ test @ ", re.MULTILINE)
_PERCENTILE = re.compile(r"^ +(\d+(?:\.\d+)?)% +([\d.]+)(us|ms|s|m|h)$", re.MULTILINE)
_REQUESTS = re.compile(r"^ +(\d+) requests in ", re.MULTILINE)
_RATE = re.compile(r"^Requests/sec: +([\d.]+)$", re.MULTILINE)
_SOCKET = re.compile(r"^ +Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)$", re.MULTILINE)
_STATUS = re.compile(r"^ +Non-2xx or 3xx responses: (\d+)$", re.MULTILINE)
_NAMES = {50.0: "load.p50_s", 95.0: "load.p95_s", 99.0: "load.p99_s"}


def is_wrk_report(text: str) -> bool:
    return _BEGIN.search(text) is not None


def wrk_report(text: str) -> dict[str, float] | None:
    """Readings `load.*` by name, in base units; those that it does not tell are left out. None where it is no report of wrk.

    Failures are answers other than 2xx and 3xx, and requests without any (connect, read, write, timeout).
    """
    requests, rate = _REQUESTS.search(text), _RATE.search(text)
    if not is_wrk_report(text) or requests is None or rate is None:
        return None
    answered = int(requests[1])
    socket, status = _SOCKET.search(text), _STATUS.search(text)
    unanswered = sum(map(int, socket.groups())) if socket else 0
    asked = answered + unanswered
    found = {"load.requests_per_s": float(rate[1]), "load.results_total": float(asked)}
    if asked:
        found["load.error_ratio"] = (unanswered + (int(status[1]) if status else 0)) / asked
    for share, value, unit in _PERCENTILE.findall(text):
        if float(share) in _NAMES:
            found.setdefault(_NAMES[float(share)], float(value) * _UNITS[unit])
    return found
