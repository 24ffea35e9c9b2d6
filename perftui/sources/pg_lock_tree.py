"""The blocking tree: root blockers first, each with those who wait behind it."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec


class Session(Protocol):
    """What the tree needs of a session."""

    @property
    def pid(self) -> int: ...
    @property
    def backend_start_at(self) -> float: ...
    @property
    def blocked_by(self) -> tuple[int, ...]: ...
    @property
    def leader_pid(self) -> int | None: ...
    @property
    def waited_s(self) -> float | None: ...
    @property
    def transaction_s(self) -> float | None: ...
    @property
    def lock_mode(self) -> str | None: ...
    @property
    def lock_target(self) -> str | None: ...
    @property
    def application(self) -> str | None: ...
    @property
    def user(self) -> str | None: ...
    @property
    def state(self) -> str | None: ...
    @property
    def query(self) -> str | None: ...


class Prepared(Protocol):
    @property
    def gid(self) -> str: ...
    @property
    def prepared_s(self) -> float: ...
    @property
    def owner(self) -> str | None: ...


class LockNode(msgspec.Struct, frozen=True, kw_only=True):
    """One backend that blocks others or waits; depth first, so a node's victims follow it with a greater depth."""

    pid: int
    """0 stands for prepared transactions."""
    depth: int
    """0 is a root blocker: it waits for nobody, or is the first of a cycle."""
    victims: int
    """Backends behind it, however far."""
    blocked_by: tuple[int, ...]
    """All it waits for; the tree shows it below one of them."""
    in_cycle: bool
    """It waits for itself through others: a deadlock that the server has not broken yet."""
    waited_s: float | None
    """How long it has been waiting for the lock."""
    held_s: float | None
    """How long its transaction is open."""
    mode: str | None
    """The lock it waits for."""
    relation: str | None
    """What is locked: the relation, or the kind of lock where it is none."""
    application: str | None
    """application_name of the backend."""
    user: str | None
    """Role of the backend."""
    state: str | None
    """None where this role may not see it, or where the backend is not in the sample."""
    query: str | None
    """Running, or the last one when it is idle in transaction."""
    backend_start_at: float | None = None
    """With the pid, the session's identity; None where it is not in the sample."""


def lock_tree(sessions: Sequence[Session], prepared: Iterable[Prepared] = ()) -> tuple[LockNode, ...]:
    """Every backend that blocks or waits, once.

    A backend with several blockers hangs below the one whose root holds up most, and there as near to the root as can be: the
    queue behind one lock is a flat list, not a staircase. Parallel workers count as their leader. A blocker that is not among
    the sessions stays as a bare pid. Who blocks nobody and waits for nobody is left out.
    """
    known: dict[int, Session] = {}
    waiting: dict[int, Session] = {}
    for session in sessions:
        pid = session.leader_pid or session.pid
        if pid == session.pid or pid not in known:
            known[pid] = session
        if session.blocked_by and (pid not in waiting or _waited(session) > _waited(waiting[pid])):
            waiting[pid] = session
    leader = {session.pid: session.leader_pid for session in sessions if session.leader_pid}
    waits: dict[int, set[int]] = defaultdict(set)
    for session in sessions:
        if session.blocked_by:
            pid = session.leader_pid or session.pid
            waits[pid] |= {leader.get(blocker, blocker) for blocker in session.blocked_by} - {pid}
    waits = {pid: behind for pid, behind in waits.items() if behind}
    blocks: dict[int, set[int]] = defaultdict(set)
    for pid, behind in waits.items():
        for blocker in behind:
            blocks[blocker].add(pid)
    reach = _Reach(waits, blocks)
    oldest = max(prepared, key=lambda row: row.prepared_s, default=None)
    return tuple(
        _node(pid, depth, reach, waits.get(pid, set()), known.get(pid), waiting.get(pid), oldest)
        for pid, depth in _drawn(waits, blocks, reach, {pid: _waited(each) for pid, each in waiting.items()})
    )


def _waited(session: Session) -> float:
    return session.waited_s or 0.0


class _Reach:
    """Who is behind whom, however far, as one bit for each backend: 2,000 waiters cost a few milliseconds."""

    def __init__(self, waits: Mapping[int, set[int]], blocks: Mapping[int, set[int]]) -> None:
        self._bit = {pid: 1 << place for place, pid in enumerate({*waits, *blocks})}
        self._behind: dict[int, int] = {}
        self._from_the_ends(waits, blocks)
        self._through_cycles(waits, blocks)

    def pids(self) -> Iterable[int]:
        return self._bit

    def victims(self, pid: int) -> int:
        """Backends behind it, itself not counted."""
        return (self._behind[pid] & ~self._bit[pid]).bit_count()

    def in_cycle(self, pid: int) -> bool:
        return bool(self._behind[pid] & self._bit[pid])

    def _from_the_ends(self, waits: Mapping[int, set[int]], blocks: Mapping[int, set[int]]) -> None:
        """Backends after all that wait for them; those on or before a cycle never come up."""
        open_victims = {pid: len(blocks.get(pid, ())) for pid in self._bit}
        ready = [pid for pid, count in open_victims.items() if count == 0]
        while ready:
            pid = ready.pop()
            behind = 0
            for victim in blocks.get(pid, ()):
                behind |= self._bit[victim] | self._behind[victim]
            self._behind[pid] = behind
            for blocker in waits.get(pid, ()):
                open_victims[blocker] -= 1
                if open_victims[blocker] == 0:
                    ready.append(blocker)

    def _through_cycles(self, waits: Mapping[int, set[int]], blocks: Mapping[int, set[int]]) -> None:
        """The rest; all members of one cycle have the same behind them."""
        for pid in [pid for pid in self._bit if pid not in self._behind]:
            if pid in self._behind:
                continue
            open_victims = self._closure(pid, blocks)
            behind = 0
            for each in (pid, *open_victims):
                for victim in blocks.get(each, ()):
                    behind |= self._bit[victim] | self._behind.get(victim, 0)
            for member in open_victims & self._closure(pid, waits) | {pid}:
                self._behind[member] = behind

    def _closure(self, pid: int, edges: Mapping[int, set[int]]) -> set[int]:
        """Those not settled yet that the edges lead to from it; itself only through a cycle."""
        found: set[int] = set()
        ahead = [pid]
        while ahead:
            new = {each for each in edges.get(ahead.pop(), ()) if each not in self._behind} - found
            found |= new
            ahead.extend(new)
        return found


def _drawn(
    waits: Mapping[int, set[int]], blocks: Mapping[int, set[int]], reach: _Reach, waited: Mapping[int, float]
) -> Iterator[tuple[int, int]]:
    """(pid, depth) depth first: roots by their victims, fellow victims by how long they wait."""
    placed: set[int] = set()
    below: dict[int, list[int]] = defaultdict(list)
    for root in _roots(waits, reach):
        if root in placed:
            continue
        placed.add(root)
        line = deque([root])
        while line:
            pid = line.popleft()
            for victim in sorted(blocks.get(pid, set()) - placed, key=lambda each: (-waited.get(each, 0.0), each)):
                placed.add(victim)
                below[pid].append(victim)
                line.append(victim)
        stack = [(root, 0)]
        while stack:
            pid, depth = stack.pop()
            yield pid, depth
            stack.extend((victim, depth + 1) for victim in reversed(below[pid]))


def _roots(waits: Mapping[int, set[int]], reach: _Reach) -> list[int]:
    """Who waits for nobody; then the members of cycles, of which the first that is not behind somebody else is one too."""
    free = [pid for pid in reach.pids() if pid not in waits]
    caught = [pid for pid in reach.pids() if reach.in_cycle(pid)]
    return [
        *sorted(free, key=lambda pid: (-reach.victims(pid), pid)),
        *sorted(caught, key=lambda pid: (-reach.victims(pid), pid)),
    ]


def _node(
    pid: int,
    depth: int,
    reach: _Reach,
    blocked_by: set[int],
    session: Session | None,
    waiting: Session | None,
    oldest: Prepared | None,
) -> LockNode:
    """Waits are those of the member of a parallel group that has waited longest."""
    prepared = oldest if pid == 0 else None
    return LockNode(
        pid=pid,
        depth=depth,
        victims=reach.victims(pid),
        blocked_by=tuple(sorted(blocked_by)),
        in_cycle=reach.in_cycle(pid),
        waited_s=waiting.waited_s if waiting else None,
        held_s=prepared.prepared_s if prepared else session.transaction_s if session else None,
        mode=waiting.lock_mode if waiting else None,
        relation=waiting.lock_target if waiting else None,
        application=session.application if session else None,
        user=prepared.owner if prepared else session.user if session else None,
        state="prepared transaction" if pid == 0 else session.state if session else None,
        query=prepared.gid if prepared else session.query if session else None,
        backend_start_at=session.backend_start_at if session else None,
    )
