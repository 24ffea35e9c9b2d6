"""The lines on top: one look, one answer, at any width."""

from __future__ import annotations

import msgspec
import pytest

from perftui.history.history import HistoryStore
from perftui.model.finding import Constraint, Finding, Link, Severity
from perftui.model.frame import Frame
from perftui.pipeline.player import Mode, Shown
from perftui.pipeline.snapshot import Snapshot
from perftui.views.banner import header, verdict_lines
from perftui.views.layout import length
from perftui.views.model import Role
from tests.views.drawn import flat
from tests.views.scenes import KINDS, MACHINE, STARTED_AT, host, without

SWAPPING = Finding(
    rule="host.swapping",
    severity=Severity.CRITICAL,
    constraint=Constraint.MEMORY_BOUND,
    title="swap in 140 MiB/s, out 98 MiB/s, led by leaky (pid 4242)",
    since_at=STARTED_AT + 10,
)
WAITING = Finding(
    rule="host.io_saturated",
    severity=Severity.WARNING,
    constraint=Constraint.IO_BOUND,
    title="work waits for vda 45 % of the time, I/O wait 31 %",
    since_at=STARTED_AT + 12,
)
CERTIFICATE = Finding(
    rule="tls.expiring",
    severity=Severity.WARNING,
    constraint=Constraint.EXTERNAL_BOUND,
    title="certificate of shop ends in 2 days, renew it",
    since_at=STARTED_AT,
)


@pytest.fixture(scope="module")
def well() -> Snapshot:
    return host(5)


@pytest.fixture(scope="module")
def thrashing() -> Snapshot:
    return host(30, findings=(SWAPPING, WAITING))


def test_a_wide_header_tells_all(well: Snapshot) -> None:
    line = flat(header(Shown(snapshot=well, mode=Mode.LIVE, recording="on"), 120))

    assert line.startswith(" perftui db-prod-3 · 4 cores · Linux 6.1  ")
    assert line.endswith("● live 1s  2026-02-11 10:41:42Z  tape ●  sources 10/10")
    assert len(line) <= 120


def test_a_narrow_header_drops_whole_words_and_the_least_important_first(well: Snapshot) -> None:
    line = flat(header(Shown(snapshot=well, mode=Mode.LIVE, recording="on"), 60))

    assert line.split() == ["db-prod-3", "●", "live", "1s", "2026-02-11", "10:41:42Z", "sources", "10/10"]


@pytest.mark.parametrize("width", range(18, 140))
def test_a_header_is_never_wider_than_the_screen(well: Snapshot, width: int) -> None:
    line = header(Shown(snapshot=well, mode=Mode.PAUSED, behind_s=192.0, recording="disk full"), width)

    assert length(line) <= width
    assert "paused" in flat(line)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({"mode": Mode.PAUSED, "behind_s": 192.0}, "‖ paused 3m12s behind"),
        ({"mode": Mode.PAUSED}, "‖ paused  "),
        ({"mode": Mode.PLAYING, "speed": 10.0}, "▶ replay 10x"),
        ({"mode": Mode.ENDED}, "■ end of tape"),
        ({"mode": Mode.LIVE, "recording": "no space left"}, "tape stopped △"),
        ({"mode": Mode.LIVE}, "● live 1s"),
    ],
)
def test_the_feed_is_told_in_words(well: Snapshot, shown: dict[str, object], words: str) -> None:
    assert words in flat(header(Shown(snapshot=well, **shown), 120))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("interval_s", "words"), [(1.4, "1.4s"), (1.0003, "1s"), (0.9996, "1s"), (0.5, "0.5s"), (10.0, "10s")]
)
def test_the_real_interval_is_shown_when_sampling_lags(interval_s: float, words: str) -> None:
    store = HistoryStore(KINDS)
    store.push(Frame(seq=0, at=STARTED_AT, mono=100.0, samples={}))
    history = store.push(Frame(seq=1, at=STARTED_AT + interval_s, mono=100.0 + interval_s, samples={}))
    snapshot = Snapshot(machine=MACHINE, history=history, findings=(), verdict=host(0).verdict)

    assert f"● live {words} " in flat(header(Shown(snapshot=snapshot, mode=Mode.LIVE), 120))


def test_failed_sources_are_counted_with_a_sign() -> None:
    line = header(Shown(snapshot=host(10, without("disks", after=2)), mode=Mode.LIVE), 120)

    assert ("sources 9/10 △", Role.WARNING) in line


def test_a_verdict_has_class_title_moment_and_chain(thrashing: Snapshot) -> None:
    first, second = verdict_lines(thrashing, 120)

    assert flat(first).startswith(" ▲ MEMORY BOUND  swap in 140 MiB/s, out 98 MiB/s, led by leaky (pid 4242)  ")
    assert flat(first).endswith("  since 10:41:47 ")
    assert length(first) == 120
    assert flat(second).split("  ")[-1].strip() == "swap in 140 MiB/s → work waits for vda 45 % of the time"


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_no_word_of_the_title_is_lost(thrashing: Snapshot, width: int) -> None:
    lines = verdict_lines(thrashing, width)

    words = " ".join(flat(line) for line in lines).split()
    assert [word for word in SWAPPING.title.split() if word not in words] == []
    assert all(length(line) <= width for line in lines)


def test_what_has_no_room_for_the_whole_chain_goes_on_from_the_cause(thrashing: Snapshot) -> None:
    _, second = verdict_lines(thrashing, 70)

    assert flat(second).endswith("leaky (pid 4242) → work waits for vda 45 % of the time")


def test_the_moment_is_whole_on_the_smallest_screen(thrashing: Snapshot) -> None:
    first, _ = verdict_lines(thrashing, 40)

    assert flat(first).endswith("  since 10:41:47")


def test_what_was_so_before_we_looked_is_told_as_before() -> None:
    first, _ = verdict_lines(host(5, findings=(msgspec.structs.replace(SWAPPING, began_before=True),)), 120)

    assert flat(first).endswith("before 10:41:47 ")


def test_what_else_is_wrong_is_not_hidden() -> None:
    full = Finding(
        rule="host.disk_filling",
        severity=Severity.WARNING,
        constraint=Constraint.IO_BOUND,
        title="/data is 91% full (space), 3 GiB left",
        since_at=STARTED_AT,
    )
    _, second = verdict_lines(host(5, findings=(SWAPPING, full)), 120)

    assert flat(second).strip() == "+1 other incident [f]: /data is 91% full (space)"


@pytest.mark.parametrize(
    ("width", "end"),
    [
        (140, "→ work waits for vda 45 % of the time  +1 other incident [f]: certificate of shop ends in 2 days"),
        (100, "→ work waits for vda 45 % of the time  +1 other incident [f]"),
        (70, "by leaky (pid 4242) → io saturated  +1 other incident [f]"),
        (60, "→ io saturated  +1 [f]"),
    ],
)
def test_another_incident_is_told_beside_the_chain_at_any_width(width: int, end: str) -> None:
    _, second = verdict_lines(host(30, findings=(SWAPPING, WAITING, CERTIFICATE)), width)

    assert flat(second).rstrip().endswith(end)
    assert length(second) <= width


def test_several_other_incidents_are_counted() -> None:
    full = msgspec.structs.replace(CERTIFICATE, rule="host.disk_filling", title="/data is 91% full (space), 3 GiB left")
    _, second = verdict_lines(host(30, findings=(SWAPPING, CERTIFICATE, full)), 140)

    assert "+2 other incidents [f]: " in flat(second)
    assert "/data is 91% full (space)" in flat(second)


def test_what_follows_from_the_cause_beside_the_chain_is_not_told_as_another_incident() -> None:
    pressure = msgspec.structs.replace(
        SWAPPING, rule="host.memory_pressure", title="tasks wait for memory 40% of the time"
    )
    killed = msgspec.structs.replace(
        SWAPPING, rule="host.oom_kill", title="the kernel killed leaky", since_at=STARTED_AT + 20
    )
    snapshot = host(30, findings=(pressure, SWAPPING, WAITING, killed))
    _, second = verdict_lines(snapshot, 160)

    assert snapshot.verdict.chain[-1] == "host.io_saturated"
    assert [link.rule for link in snapshot.verdict.beside] == ["host.oom_kill"]
    assert "incident" not in flat(second)


@pytest.mark.parametrize(
    ("snapshot", "begin", "role"),
    [
        (host(5), " ● HEALTHY  CPU 31% busy of 4", Role.GOOD),
        (host(5, without("cpu", "memory")), " ? UNKNOWN  can't tell: cpu: denied", Role.WARNING),
        (host(5, findings=(WAITING,)), " △ IO BOUND  work waits", Role.WARNING),
    ],
)
def test_each_verdict_has_a_sign_of_its_own(snapshot: Snapshot, begin: str, role: Role) -> None:
    first, _ = verdict_lines(snapshot, 160)

    assert flat(first).startswith(begin)
    assert first[0][1] is role


@pytest.mark.parametrize(
    ("width", "title", "end"),
    [
        (120, "swap in 140 MiB/s", "[p] playbook memory-leak "),
        (40, "swap in 140 MiB/s", "[p] memory-leak "),
        (24, "swap", "[p] "),
        (40, "many words of which none may ever be given up", "[p] "),
        (40, "so many words that this line and the line below are full", "full"),
    ],
)
def test_the_playbook_that_answers_is_named_where_the_title_leaves_room(
    thrashing: Snapshot, width: int, title: str, end: str
) -> None:
    said = msgspec.structs.replace(
        thrashing.verdict, playbook="memory-leak", summary=title, since_at=None, chain=(), links=()
    )
    snapshot = msgspec.structs.replace(thrashing, verdict=said, findings=())

    first, second = verdict_lines(snapshot, width)

    assert flat(second).endswith(end)
    assert length(second) <= width
    assert f"{flat(first)} {flat(second)}".split()[3 : 3 + len(title.split())] == title.split()


LINKS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("pg.idle_in_transaction", "4 backends wait for pid 31478 · idle in transaction 25 s · culprit", {}),
    ("pg.lock_pileup", "public.accounts is locked by pid 31478, 4 wait", {"relation": "public.accounts"}),
    ("pool.exhausted", "pool edge/app/postgres has 5 of 5 connections in use, 27 clients wait", {"pool": "edge/app"}),
    ("probe.failing", "probe shop: no answer for 8.0 s before the first byte, 2 in a row", {"probe": "shop"}),
)


@pytest.mark.parametrize(
    ("width", "links", "words"),
    [
        (240, 4, "→ probe shop: no answer for 8.0 s before the first byte"),
        (120, 4, "→ accounts locked → pool edge/app → probe shop: no answer for 8.0 s before the first byte"),
        (92, 4, "culprit → accounts locked → pool edge/app → probe shop fails"),
        (80, 4, "transaction 25 s · culprit → accounts locked → pool edge/app → probe shop"),
        (72, 4, "transaction 25 s · culprit → … → pool edge/app → probe shop"),
        (60, 4, "transaction 25 s · culprit → probe shop"),
        (80, 3, "transaction 25 s · culprit → accounts locked → pool edge/app"),
    ],
)
def test_a_chain_that_has_little_room_names_its_links_in_fewer_words(
    well: Snapshot, width: int, links: int, words: str
) -> None:
    findings = tuple(
        msgspec.structs.replace(WAITING, rule=rule, title=title, subject=about) for rule, title, about in LINKS[:links]
    )
    verdict = msgspec.structs.replace(
        well.verdict,
        constraint=Constraint.LOCK_BOUND,
        severity=Severity.CRITICAL,
        since_at=STARTED_AT,
        summary=findings[0].title,
        chain=tuple(found.rule for found in findings),
        links=tuple(Link(finding=place, rule=found.rule) for place, found in enumerate(findings)),
    )
    _, second = verdict_lines(msgspec.structs.replace(well, verdict=verdict, findings=findings), width)

    assert flat(second).rstrip().endswith(words)
    assert length(second) <= width


def test_a_name_is_not_broken_at_its_hyphen(well: Snapshot) -> None:
    said = msgspec.structs.replace(well.verdict, summary="probe health went up by 110% with orders-api 2.8.1")
    first, second = verdict_lines(msgspec.structs.replace(well, verdict=said), 58)

    assert "orders-api" in flat(first) or "orders-api" in flat(second)
