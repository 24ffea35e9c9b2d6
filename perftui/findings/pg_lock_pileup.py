"""Backends queue behind a lock that somebody holds."""

from __future__ import annotations

from perftui.findings import blockers, postgres
from perftui.findings.blockers import Blocked
from perftui.findings.holding import WINDOW_S, evidence, held
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.words import age
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.pg_activity import PgActivityPart
from perftui.sources.pg_lock_tree import LockNode

NAME = "pg.lock_pileup"
_WAITING = "postgres.locks.waiting"


class PgLockPileupLimits(Limits, frozen=True, kw_only=True):
    victims: int = 3
    """Ours: backends behind one blocker; fewer are daily business …"""
    wait_s: float = 5.0
    """… as are waits that are all shorter (ours)."""
    alone_s: float = 30.0
    """Ours: a wait this long is told even of a single backend."""
    waiting: int = 10
    """S002 §35.3.3: more than 10 waiting. Behind one blocker that is critical (ours), for locks that change hands a warning."""
    turn_s: float = 2.0
    """Ours: a lock changes hands fast while nobody has waited longer; a queue that only grows has a blocker."""
    critical_wait_s: float = 60.0
    """Ours: a pile-up is critical when somebody has waited this long."""
    window_s: float = WINDOW_S


def pg_lock_pileup(history: History, limits: PgLockPileupLimits) -> list[Finding]:
    """Each root blocker with its queue; without one, a crowd that waits for locks in turn."""
    part = history.latest(PgActivityPart)
    if part is None:
        return []
    tree = part.locks.tree
    blocked = Blocked(tree)
    roots = [node for node in tree if node.depth == 0 and node.victims]
    found = [finding for root in roots if (finding := _judge(history, root, blocked.behind(root), limits))]
    return found or _in_turn(history, tree, limits)


def _judge(history: History, root: LockNode, waiters: list[LockNode], limits: PgLockPileupLimits) -> Finding | None:
    longest = blockers.longest_wait(waiters)
    pile = len(waiters) >= limits.victims and longest >= limits.wait_s
    if not pile and longest < limits.alone_s:
        return None
    critical = pile and (len(waiters) > limits.waiting or longest >= limits.critical_wait_s)
    return Finding(
        rule=NAME,
        severity=Severity.CRITICAL if critical else Severity.WARNING,
        constraint=Constraint.LOCK_BOUND,
        title=_title(root, waiters, longest),
        since_at=postgres.moment(history, longest),
        subject=blockers.subject(root, waiters),
        evidence=(
            evidence("postgres.locks.tree[].victims", len(waiters), "backends", limits.victims),
            evidence("postgres.locks.longest_wait_s", longest, "s", limits.wait_s if pile else limits.alone_s),
            evidence("postgres.locks.tree[].held_s", root.held_s, "s"),
            evidence(_WAITING, history.value(_WAITING), "backends", limits.waiting, seed="S002 35.3.3"),
        ),
    )


def _title(root: LockNode, waiters: list[LockNode], longest: float) -> str:
    if root.in_cycle:
        return f"{len(waiters) + 1} backends wait in a circle with pid {root.pid}, a deadlock that is not broken yet"
    if blockers.idle(root):
        # How it is idle and since when is told by pg.idle_in_transaction, which explains this one.
        wait = "wait" if len(waiters) != 1 else "waits"
        who = root.application or root.user
        by = f"pid {root.pid}{f' of {who}' if who else ''}"
        return f"{blockers.held_up(waiters)} by {by}, {len(waiters)} {wait}, the longest {age(longest)}"
    return f"{blockers.backends(len(waiters))} for {blockers.words(root)}"


def _in_turn(history: History, tree: tuple[LockNode, ...], limits: PgLockPileupLimits) -> list[Finding]:
    """No wait is long, but a crowd always waits: a lock that all want."""
    crowd = held(history, _WAITING, limits.waiting, limits.window_s, share=0.0)
    waiters = [node for node in tree if node.blocked_by]
    if crowd is None or blockers.longest_wait(waiters) > limits.turn_s:
        return []
    name = blockers.relation(waiters)
    since_at, before = postgres.told_since(history, _WAITING, crowd)
    waiting = crowd.mean
    return [
        Finding(
            rule=NAME,
            severity=Severity.WARNING,
            constraint=Constraint.LOCK_BOUND,
            title=f"{waiting:.0f} backends wait for locks at any time{f' on {name}' if name else ''}, which change hands fast",
            since_at=since_at,
            began_before=before,
            subject={"relation": name} if name else {},
            evidence=(
                evidence(_WAITING, waiting, "backends", limits.waiting, limits.window_s, "S002 35.3.3"),
                evidence("postgres.locks.longest_wait_s", blockers.longest_wait(waiters), "s"),
            ),
        )
    ]


RULE = Rule(
    name=NAME,
    constraint=Constraint.LOCK_BOUND,
    limits=PgLockPileupLimits,
    find=pg_lock_pileup,
    needs=("pg_activity",),
)
