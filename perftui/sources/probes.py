"""What users see: HTTP requests made from here, one after the other, each over a new connection."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from perftui.model.failure import SourceError
from perftui.model.frame import Sample
from perftui.model.probe import Certificate, ProbeOutcome, ProbeResult
from perftui.sources.files import Clock
from perftui.sources.kind import Part, SourceKind

Below = Literal["host", "postgres", "pools"]
"""What stands here and serves what is probed."""


class Prober(Protocol):
    """Makes one request; raises SourceError when it can't even begin."""

    async def probe(self) -> ProbeResult: ...


class ProbeTarget(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is probed and what is asked of it, without headers and query: those may hold secrets."""

    url: str
    method: str = "GET"
    every_s: float
    timeout_s: float
    external: bool = False
    """A dependency of others' making."""
    depends_on: tuple[Below, ...] = ()
    """What of this host serves it, beside what its address tells."""
    p95_s: float | None = None
    """Its SLO; None where there is none."""
    error_ratio: float | None = None
    budget_window_s: float = 3600.0


class ProbeState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One probe: its newest result and the counts of all since the start.

    At most one result is new since the previous sample: the next request waits until the last result was handed over.
    """

    target: ProbeTarget
    last: ProbeResult | None = None
    """None until the first request has ended."""
    results_total: int = 0
    failures_total: int = 0
    failed_in_a_row: int = 0
    running_s: float | None = None
    """How long the request that is under way has taken so far."""
    problem: str = ""
    """Why no request can be made at all."""


class ProbesSample(Sample, frozen=True, kw_only=True):
    """Source: own requests, as `clients/http_probe.py` times them."""

    probes: dict[str, ProbeState]


class ProbeReading(msgspec.Struct, frozen=True, kw_only=True):
    """One probe's newest request."""

    up: bool | None
    """Whether it was answered as expected; None until the first request has ended."""
    status_code: int | None
    """None where no answer came."""
    total_s: float | None
    """From the begin to the last byte, or to the failure: a timeout counts with the time it took."""
    dns_s: float | None
    """Resolving the name; None where the URL holds an address."""
    connect_s: float | None
    """Until the TCP connection stood; all addresses that were tried together."""
    tls_s: float | None
    """The TLS handshake; None without TLS."""
    first_byte_s: float | None
    """From the sent request to the head of the answer: the server's own time and one round trip."""
    body_s: float | None
    """Reading the body, at most 1 MiB of it."""
    body_bytes: int | None
    """Read of the body."""
    latency_s: float | None
    """What percentiles are made of: the total of requests that succeeded or timed out; what fails at once would flatter."""
    outcome: str | None
    """ok | dns | connect | tls | status | timed_out | closed | malformed | refused (by perftui)"""
    detail: str
    """What failed, in one line."""
    phase: str | None
    """The part it failed in: dns | connect | tls | first_byte | body."""
    running_s: float | None
    """How long the request under way has lasted; None between two requests."""
    results_total: int
    """Requests that have ended since the start."""
    failures_total: int
    """Those of them that failed."""
    failed_in_a_row: int
    """Failures since the last success."""
    url: str
    """Without its query, which may hold secrets."""
    method: str
    """GET or HEAD."""
    every_s: float
    """Time between two requests, while each ends within it."""
    timeout_s: float
    """For all parts of a request together."""
    external: bool
    """A dependency of others' making."""
    depends_on: tuple[str, ...]
    """What of this host serves it, as configured: host, postgres, pools."""
    local: bool | None
    """Whether the address that answered is this host's own."""
    address: str | None
    """Connected to, or tried last."""
    certificates: tuple[Certificate, ...]
    """The chain as the server sent it, its own first."""
    p95_s_target: float | None
    """The SLO's P95."""
    error_ratio_target: float | None
    """The SLO's share of requests that may fail."""
    budget_window_s: float
    """Over which the error budget is counted."""


class ProbesPart(Part, frozen=True, kw_only=True):
    probes: dict[str, ProbeReading]


class _Running:
    """One probe, what it has come to, and when it is due again."""

    def __init__(self, target: ProbeTarget, prober: Prober) -> None:
        self.state = ProbeState(target=target)
        self._prober = prober
        self._task: asyncio.Task[ProbeResult | str] | None = None
        self._began = self._due = float("-inf")

    def step(self, mono: float) -> ProbeState:
        """Take the result that is there, begin the next request when it is due, and tell how things stand."""
        if self._task is not None and self._task.done():
            self.state = _after(self.state, self._task.result())
            self._task = None
        every_s = self.state.target.every_s
        # A twentieth of slack, as in the feed: a tick that comes a little early must not cost another one.
        if self._task is None and mono >= self._due - 0.05 * every_s:
            self._due = max(self._due, mono - 0.1 * every_s) + every_s
            self._began = mono
            self._task = asyncio.ensure_future(self._request())
        running = mono - self._began if self._task is not None else None
        return msgspec.structs.replace(self.state, running_s=running)

    async def _request(self) -> ProbeResult | str:
        """The result, or why there is none."""
        try:
            return await self._prober.probe()
        except SourceError as exc:
            return exc.detail
        except Exception as exc:  # one probe's fault of ours must not end the others'
            return f"internal: {type(exc).__name__}: {exc}"


def _after(state: ProbeState, result: ProbeResult | str) -> ProbeState:
    if isinstance(result, str):
        return msgspec.structs.replace(state, problem=result)
    failed = result.outcome is not ProbeOutcome.OK
    return ProbeState(
        target=state.target,
        last=result,
        results_total=state.results_total + 1,
        failures_total=state.failures_total + failed,
        failed_in_a_row=state.failed_in_a_row + 1 if failed else 0,
    )


class Probes:
    """Probes each target every so often, one request of each under way at most; a sample never waits for one."""

    name = "probes"
    interval_s = 1.0
    deadline_s = 1.0

    def __init__(self, probes: Mapping[str, tuple[ProbeTarget, Prober]], clock: Clock) -> None:
        self._probes = {name: _Running(target, prober) for name, (target, prober) in probes.items()}
        self._clock = clock

    async def sample(self) -> ProbesSample:
        """What the requests have come to since the last call."""
        mono = self._clock.mono()
        return ProbesSample(mono=mono, probes={name: probe.step(mono) for name, probe in self._probes.items()})


def derive(previous: ProbesSample | None, current: ProbesSample) -> ProbesPart:
    """The newest request of each; percentiles and budgets need its course and are made in `history/probe_windows.py`."""
    return ProbesPart(probes={name: _reading(state) for name, state in current.probes.items()})


def _reading(state: ProbeState) -> ProbeReading:
    last, target = state.last, state.target
    timed = last is not None and last.outcome in (ProbeOutcome.OK, ProbeOutcome.TIMED_OUT)
    return ProbeReading(
        up=None if last is None else last.outcome is ProbeOutcome.OK,
        status_code=last.status_code if last else None,
        total_s=last.total_s if last else None,
        dns_s=last.dns_s if last else None,
        connect_s=last.connect_s if last else None,
        tls_s=last.tls_s if last else None,
        first_byte_s=last.first_byte_s if last else None,
        body_s=last.body_s if last else None,
        body_bytes=last.body_bytes if last else None,
        latency_s=last.total_s if last and timed else None,
        outcome=last.outcome.value if last else None,
        detail=state.problem or (last.detail if last else ""),
        phase=last.phase.value if last and last.phase else None,
        running_s=state.running_s,
        results_total=state.results_total,
        failures_total=state.failures_total,
        failed_in_a_row=state.failed_in_a_row,
        url=target.url,
        method=target.method,
        every_s=target.every_s,
        timeout_s=target.timeout_s,
        external=target.external,
        depends_on=target.depends_on,
        local=last.local if last else None,
        address=last.address if last else None,
        certificates=last.certificates if last else (),
        p95_s_target=target.p95_s,
        error_ratio_target=target.error_ratio,
        budget_window_s=target.budget_window_s,
    )


KIND = SourceKind(name="probes", sample=ProbesSample, part=ProbesPart, derive=derive, root="")
