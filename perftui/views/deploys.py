"""Deploys: what was changed here, when, by whom, and where that can't be known."""

from __future__ import annotations

from perftui.findings.deploy_shifted import around
from perftui.history.deploys import DeployPlaceState, DeploysPart
from perftui.history.impact import Impact
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.deploy import Deploy, DeployKind, DeployStatus
from perftui.views.format import UNKNOWN, clock, duration, latency
from perftui.views.layout import clipped, length, short, wrapped
from perftui.views.model import Line, Pane, Role, Span, TableState, Zoom
from perftui.views.moments import day_clock, title_of
from perftui.views.tables import Field, table
from perftui.views.tone import tone

KEY, TITLE = "deploys", "Deploys"
_STATUS_ROLES = {
    DeployStatus.STARTED: Role.ACCENT,
    DeployStatus.FAILED: Role.WARNING,
    DeployStatus.ROLLED_BACK: Role.WARNING,
}
_TOLD_PLACES = 4
_LEAST_REASON = 16


def shown(snapshot: Snapshot) -> bool:
    """Whether a change is known here, or a place for them is named in the config or can't be read."""
    part = snapshot.history.latest(DeploysPart)
    return part is not None and bool(part.deploys or any(place.named or place.trouble for place in part.deploy_places))


def pane(snapshot: Snapshot, width: int, height: int) -> Pane:
    """What can't be known first, then the changes, newest first."""
    part = snapshot.history.latest(DeploysPart)
    if part is None:
        return Pane(title=TITLE, tone=tone(snapshot, KEY), lines=(((UNKNOWN, Role.DIM),),))
    now_at = snapshot.at
    unknown = _unknown_words(part, now_at, width)
    if height == 1:
        return Pane(title=TITLE, tone=tone(snapshot, KEY), lines=(_one_line(part, now_at, width),))
    lines: list[Line] = [((short(unknown, width), Role.WARNING),)] if unknown else []
    lines += [clipped(_change(deploy, now_at, width), width) for deploy in part.deploys[: height - len(lines)]]
    if not part.deploys:
        lines += wrapped(_none_words(part, now_at), width, Role.DIM)
    return Pane(title=TITLE, tone=tone(snapshot, KEY), lines=tuple(lines[:height]))


def _one_line(part: DeploysPart, now_at: float, width: int) -> Line:
    """The newest changes that have room whole; before them, whose changes may be missing."""
    spans: list[Span] = []
    if places := part.unknown():
        since = min(place.unknown_since_at or now_at for place in places)
        who = ", ".join(dict.fromkeys(place.source for place in places))
        spans.append(
            (f"{short(f'unknown since {day_clock(since, now_at)}: {who}', max(24, width // 2))}  ", Role.WARNING)
        )
    if not part.deploys:
        return clipped((*spans, (_none_words(part, now_at), Role.DIM)), width)
    for place, deploy in enumerate(part.deploys):
        piece = _change(deploy, now_at, width - (0 if place else length(tuple(spans))))
        if place and length((*spans, *piece)) + 3 > width:
            break
        spans += [*((("   ", Role.DIM),) if place else ()), *piece]
    return clipped(tuple(spans), width)


def _change(deploy: Deploy, now_at: float, width: int) -> Line:
    """`10:37 orders-api 2.8.1 (−5 m)`; the name gives way before the age does."""
    moment, behind = f"{day_clock(deploy.at, now_at)} ", f" (−{age(now_at - deploy.at)})"
    status = f" {status_words(deploy)}" if deploy.status in _STATUS_ROLES else ""
    room = max(8, width - len(moment) - len(behind) - len(status))
    name = short(title_of(deploy), room)
    spans: list[Span] = [(moment, Role.DIM), (name, Role.TEXT)]
    if status:
        spans.append((status, _STATUS_ROLES[deploy.status]))
    return (*spans, (behind, Role.DIM))


def age(seconds: float) -> str:
    """`40 s`, `5 m`, `3 h`, `2 d`: how long ago, as far as it matters for a change."""
    whole = max(0, int(seconds))
    for unit, size in (("d", 172800), ("h", 7200), ("m", 60)):
        if whole >= size:
            return f"{whole // {'d': 86400, 'h': 3600, 'm': 60}[unit]} {unit}"
    return f"{whole} s"


def status_words(deploy: Deploy) -> str:
    return UNKNOWN if deploy.status is DeployStatus.UNKNOWN else deploy.status.replace("_", " ")


def _unknown_words(part: DeploysPart, now_at: float, width: int) -> str:
    """`unknown since 10:12: kubernetes: 403 …`, without a reason of which hardly a word has room; empty while all places are
    read."""
    places = part.unknown()
    if not places:
        return ""
    more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
    who = _unknown_place(places[0], now_at)
    return f"{who}{more}" if width - len(who) < _LEAST_REASON else f"{_unknown(places[0], now_at)}{more}"


def _unknown(place: DeployPlaceState, now_at: float) -> str:
    return f"{_unknown_place(place, now_at)}: {place.trouble or 'no answer'}"


def _unknown_place(place: DeployPlaceState, now_at: float) -> str:
    assert place.unknown_since_at is not None
    return f"unknown since {day_clock(place.unknown_since_at, now_at)}: {place.source}"


def _none_words(part: DeploysPart, now_at: float) -> str:
    return f"no change known from {', '.join(dict.fromkeys(place.source for place in part.deploy_places))}"


def zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """What each source knows since when, and the table of changes."""
    part = snapshot.history.latest(DeploysPart)
    if part is None:
        return Zoom(title=TITLE, tone=tone(snapshot, KEY), lines=wrapped("no source of deploys was asked yet", width))
    now_at = snapshot.at
    return Zoom(
        title=TITLE,
        tone=tone(snapshot, KEY),
        lines=_place_lines(part, now_at, width),
        table=table(
            _fields(now_at),
            part.deploys,
            state,
            width,
            default="at",
            key=lambda deploy: deploy.id,
            found_by=lambda deploy: " ".join(
                (
                    deploy.service,
                    deploy.version or "",
                    deploy.who or "",
                    deploy.kind,
                    *deploy.sources,
                    deploy.detail or "",
                )
            ),
            empty=_none_words(part, now_at),
        ),
    )


def _place_lines(part: DeploysPart, now_at: float, width: int) -> tuple[Line, ...]:
    """Places that can't be read, then those of which lines were skipped, then the others in one line."""
    lines: list[Line] = []
    for place in part.unknown()[:_TOLD_PLACES]:
        lines += wrapped(_unknown(place, now_at), width, Role.WARNING)
    read = [place for place in part.deploy_places if place.unknown_since_at is None]
    for place in [place for place in read if place.trouble][:_TOLD_PLACES]:
        lines += wrapped(f"{place.place}: {place.trouble}", width, Role.WARNING)
    known = " · ".join(_known(place, now_at) for place in read)
    return (*lines, *wrapped(f"known from {known}", width, Role.DIM)) if known else tuple(lines)


def _known(place: DeployPlaceState, now_at: float) -> str:
    since = f" since {day_clock(place.since_at, now_at)}" if place.since_at is not None else ""
    return f"{place.source} {place.place}{since}"


def detail_lines(snapshot: Snapshot, row: str, width: int) -> tuple[Line, ...]:
    """All that is known of the chosen change."""
    part = snapshot.history.latest(DeploysPart)
    deploy = next((each for each in part.deploys if each.id == row), None) if part else None
    if deploy is None:
        return ()
    ended = f", complete {clock(deploy.at_end)}" if deploy.at_end is not None else ""
    facts = [
        f"{title_of(deploy)}: {clock(deploy.at)}{ended}",
        *(f"{name} {value}" for name, value in (("in", deploy.env), ("by", deploy.who)) if value),
        *(each for each in (deploy.url, deploy.detail) if each),
    ]
    return (*wrapped(" · ".join(facts), width), *_effect_lines(snapshot, deploy, width))


def _effect_lines(snapshot: Snapshot, deploy: Deploy, width: int) -> tuple[Line, ...]:
    """Before and after, for the changes recent enough to tell."""
    lines: list[Line] = []
    for moved in around(snapshot.history):
        if deploy not in moved.deploys:
            continue
        told = moved.shift
        numbers = ""
        if told.before is not None and told.after is not None and told.ratio is not None:
            numbers = f" {latency(told.before).strip()} → {latency(told.after).strip()} ({told.ratio:+.0%})"
        weak = " · weak evidence" if told.weak and told.p is not None else ""
        load = "" if moved.load_ratio is None else f" · load {moved.load_ratio:+.0%}"
        role = Role.WARNING if told.impact is Impact.SHIFTED else Role.DIM
        lines += wrapped(f"{moved.metric.words}{numbers}: {told.impact}, {told.why}{weak}{load}", width, role)
    return tuple(lines)


def _fields(now_at: float) -> tuple[Field[Deploy], ...]:
    return (
        Field(
            name="at UTC",
            key="at",
            width=11,
            rank=0,
            cell=lambda deploy: (day_clock(deploy.at, now_at), Role.STRONG),
            order=lambda deploy: deploy.at,
        ),
        Field(name="age", width=5, rank=1, cell=lambda deploy: (age(now_at - deploy.at), Role.TEXT)),
        Field(
            name="service",
            key="service",
            width=18,
            rank=0,
            right=False,
            cell=lambda deploy: (deploy.service, Role.TEXT),
            order=lambda deploy: deploy.service.lower(),
        ),
        Field(name="version ← previous", width=0, least=14, rank=1, right=False, cell=_versions),
        Field(
            name="kind",
            key="kind",
            width=8,
            rank=2,
            right=False,
            cell=lambda deploy: (deploy.kind, Role.WARNING if deploy.kind is DeployKind.ROLLBACK else Role.TEXT),
            order=lambda deploy: deploy.kind,
        ),
        Field(
            name="status",
            width=11,
            rank=3,
            right=False,
            cell=lambda deploy: (status_words(deploy), _STATUS_ROLES.get(deploy.status, Role.TEXT)),
        ),
        Field(
            name="who",
            key="who",
            width=14,
            rank=4,
            right=False,
            cell=lambda deploy: (deploy.who or UNKNOWN, Role.TEXT),
            order=lambda deploy: deploy.who,
        ),
        Field(name="told by", width=16, rank=5, right=False, cell=lambda deploy: (", ".join(deploy.sources), Role.DIM)),
        Field(name="±", width=6, rank=6, cell=lambda deploy: (_precision(deploy), Role.DIM)),
    )


def _versions(deploy: Deploy) -> Span:
    if deploy.version is None and deploy.previous is None:
        return deploy.detail or UNKNOWN, Role.DIM
    before = f" ← {deploy.previous}" if deploy.previous else ""
    return f"{deploy.version or UNKNOWN}{before}", Role.TEXT


def _precision(deploy: Deploy) -> str:
    """How far `at` may be off."""
    return latency(deploy.precision_s).strip() if deploy.precision_s < 60 else duration(deploy.precision_s)
