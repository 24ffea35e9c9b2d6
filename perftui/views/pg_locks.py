"""Locks: who holds up whom in Postgres, root blockers first; and the waits that no lock explains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_activity import LocksReading, PgActivityPart
from perftui.sources.pg_lock_tree import LockNode
from perftui.views.charts import chart
from perftui.views.format import UNKNOWN, duration
from perftui.views.layout import Group, flow, labelled, short, wrapped
from perftui.views.model import Line, Pane, Role, Span, Table, TableState, Zoom
from perftui.views.pg_waits import ON_CPU, meaning
from perftui.views.postgres import after_trouble, hidden_words, silent_zoom, state_words, trouble, trouble_lines
from perftui.views.tables import Field, columns, fitting, rows
from perftui.views.tone import tone

KEY, TITLE = "locks", "Locks"
_LEAST_QUERY = 10
_DEEPEST = 4
"""Levels of the tree that are indented; deeper ones tell their depth as a number."""


class Wait(msgspec.Struct, frozen=True):
    """Backends that wait for the same thing, which is no lock."""

    name: str
    backends: int
    meaning: str


def pane(snapshot: Snapshot, width: int, height: int) -> Pane:
    """The blocking tree, as much of it as there is room; every root before the victims of the first."""
    part, problem = snapshot.history.known(PgActivityPart), trouble(snapshot)
    lines = (lambda room: _lines(part, width, room)) if part else None
    title = _title(part.locks) if part and problem is None else TITLE
    return Pane(title=title, tone=tone(snapshot, KEY), lines=after_trouble(problem, lines, width, height))


def _title(locks: LocksReading) -> str:
    if not locks.waiting:
        return TITLE
    longest = f", longest {duration(locks.longest_wait_s)}" if locks.longest_wait_s is not None else ""
    return f"{TITLE} · {locks.waiting} waiting{longest}"


def _lines(part: PgActivityPart, width: int, height: int) -> tuple[Line, ...]:
    locks = part.locks
    note = wrapped(hidden_words(part, "states and texts"), width, Role.WARNING)
    note = note if height > len(note) + 2 else ()
    if not locks.tree:
        return (*wrapped("no lock waits", width), *_plain_waits(part, width, height - 1 - len(note)), *note)[:height]
    if height == 1:
        return (_one_line(locks, width),)
    nodes = _chosen(locks.tree, height - len(note))
    left = sum(node.depth > 0 for node in locks.tree) - sum(node.depth > 0 for node in nodes) + locks.unplaced
    lines = tuple(_root_line(n, width) if n.depth == 0 else _waiter_line(n, width) for n in nodes)
    if len(nodes) < len(locks.tree) or (locks.unplaced and len(lines) < height):
        lines += (((f"  … {left} more wait", Role.DIM),),)
    return (*lines, *note)


def _plain_waits(part: PgActivityPart, width: int, room: int) -> list[Line]:
    """What backends wait for instead, where there is room to tell."""
    lines: list[Line] = []
    for wait in _waits(part)[: max(0, room)]:
        head = f"{wait.backends:>3} {wait.name}  "
        lines.append(((short(head, width), Role.TEXT), (short(wait.meaning, max(0, width - len(head))), Role.DIM)))
    return lines


def _one_line(locks: LocksReading, width: int) -> Line:
    """The first root, for how long it blocks, and how many others there are; the root alone where that is too much."""
    longest = f" for {duration(locks.longest_wait_s)}" if locks.longest_wait_s is not None else ""
    others = f"  +{locks.root_blockers - 1} more" if locks.root_blockers > 1 else ""
    words = f"{longest}{others}"
    if width - len(words) < 36:
        return _root_line(locks.tree[0], width)
    return (*_root_line(locks.tree[0], width - len(words)), (words, Role.TEXT))


def _chosen(tree: Sequence[LockNode], height: int) -> list[LockNode]:
    """The nodes that are shown in so many lines, one of which tells what is left out."""
    if len(tree) <= height:
        return list(tree)
    room = height - 1
    victims = max(0, room - sum(node.depth == 0 for node in tree))
    shown: list[LockNode] = []
    for node in tree:
        if node.depth > 0:
            if victims == 0:
                continue
            victims -= 1
        shown.append(node)
        if len(shown) == room:
            break
    return shown


def _root_line(node: LockNode, width: int) -> Line:
    """`● 4242 idle in tx 3m12s orders-api  blocks 37`."""
    held = f" {duration(node.held_s)}" if node.held_s is not None else ""
    head = f"{_who(node)} {_state(node)}{held}"
    blocks = f"  blocks {node.victims}"
    room = width - 2 - len(head) - len(blocks)
    name = node.application or node.user or ""
    spans: list[Span] = [("● ", Role.CRITICAL), (short(head, width - 2 - len(blocks)), Role.STRONG)]
    if name and room >= 5:
        name = short(name, room - 1)
        spans.append((f" {name}", Role.TEXT))
        room -= len(name) + 1
    spans.append((blocks, Role.STRONG))
    # Only the query that runs tells what it does; the last one of an idle transaction may have nothing to do with it.
    if node.state == "active" and node.query and room >= _LEAST_QUERY + 2:
        spans.append((f"  {short(node.query, room - 2)}", Role.DIM))
    return tuple(spans)


def _waiter_line(node: LockNode, width: int) -> Line:
    """`└ 4310 UPDATE orders …  waits 2m50s  RowExclusive orders`."""
    lead = f"{_indent(node.depth, width // 8)}{_who(node)}"
    tail: list[str] = []
    if node.waited_s is not None:
        tail.append(f"  waits {duration(node.waited_s)}")
    if node.victims:
        tail.append(f"  blocks {node.victims}")
    if node.in_cycle:
        tail.append("  deadlock pending")
    wanted = _wanted(node, max(12, width * 2 // 5))
    if wanted:
        tail.append(f"  {wanted}")
    while tail and width - len(lead) - 1 - sum(map(len, tail)) < _LEAST_QUERY:
        tail.pop()
    room = width - len(lead) - 1 - sum(map(len, tail))
    words = node.query or node.application or node.user or "(hidden)"
    return ((short(lead, width), Role.DIM), (f" {short(words, room)}" if room > 1 else "", Role.TEXT), *_tail(tail))


def _tail(words: Iterable[str]) -> list[Span]:
    return [(each, Role.TEXT if each.startswith("  waits") else Role.DIM) for each in words]


def _indent(depth: int, most: int) -> str:
    """`  └ `; below the deepest level that is indented the levels that are left out are counted: `  +32 └ `."""
    most = max(1, min(most, _DEEPEST))
    below = depth - 1 - most
    return f"{'  ' * most}+{below} └ " if below > 0 else f"{'  ' * (depth - 1)}└ "


def _who(node: LockNode) -> str:
    """The pid; a prepared transaction has none, but an identifier that it is rolled back with."""
    return f"prepared {short(node.query or '', 24)}".strip() if node.pid == 0 else str(node.pid)


def _state(node: LockNode) -> str:
    if node.in_cycle:
        return "deadlock pending"
    return "transaction" if node.pid == 0 else state_words(node.state) or "state hidden"


def _wanted(node: LockNode, width: int) -> str:
    """`RowExclusive orders`: what it waits for; the mode goes before the relation is cut."""
    mode, relation = (node.mode or "").removesuffix("Lock"), node.relation or ""
    words = f"{mode} {relation}".strip()
    return words if len(words) <= width else short(relation or mode, width)


def _waits(part: PgActivityPart) -> list[Wait]:
    """Backends by what they wait for when it is no lock, most first."""
    found: Counter[tuple[str, str]] = Counter()
    for row in (*part.backends, *part.workers):
        if row.blocked_by or row.wait_type in ("Lock", "Activity") or row.backend_type == "walsender":
            continue
        if row.wait_type is not None:
            found[row.wait_type, row.wait_event or ""] += 1
        elif row.state == "active":
            found["CPU", ""] += 1
    return [
        Wait(f"{kind} {event}".strip(), number, ON_CPU if kind == "CPU" else meaning(kind, event))
        for (kind, event), number in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    ]


def zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """The whole tree with all that is known of each backend, and below it the waits that no lock explains."""
    part = snapshot.history.known(PgActivityPart)
    problem = trouble(snapshot)
    if part is None:
        return silent_zoom(snapshot, KEY, TITLE, problem, width)
    locks, hidden = part.locks, hidden_words(part, "states and texts")
    groups: list[Group] = [
        [
            labelled("waiting", str(locks.waiting), Role.STRONG),
            labelled("longest", duration(locks.longest_wait_s)),
            labelled("root blockers", str(locks.root_blockers)),
            *([labelled("not in the tree", f"+{locks.unplaced}")] if locks.unplaced else []),
        ]
    ]
    return Zoom(
        title=TITLE,
        tone=tone(snapshot, KEY),
        chart=chart(
            snapshot,
            state,
            "locks",
            "backends",
            1.0,
            [("waiting", "postgres.locks.waiting"), ("root blockers", "postgres.locks.root_blockers")],
        ),
        lines=(
            *trouble_lines(problem, width),
            *flow(groups, width, 2, essential=1),
            *wrapped(hidden, width, Role.WARNING),
        ),
        table=_table(part, state, width),
    )


def _table(part: PgActivityPart, state: TableState, width: int) -> Table:
    """Backends in the order of the tree, then the other waits; a match brings those along whom it waits for."""
    wanted = state.filter.lower()
    nodes = _found(part.locks.tree, wanted)
    waits = [wait for wait in _waits(part) if wanted in f"{wait.name} {wait.meaning}".lower()]
    shown = fitting(_FIELDS, width)
    items: list[LockNode | Wait] = [*nodes, *waits]
    return Table(
        columns=columns(shown),
        rows=rows(shown, items, _key),
        empty=f"nothing matches {state.filter!r}" if wanted else "nobody waits",
    )


def _key(item: LockNode | Wait) -> str:
    return f"wait:{item.name}" if isinstance(item, Wait) else str(item.pid)


def _found(tree: Sequence[LockNode], wanted: str) -> list[LockNode]:
    """From the end: a node is kept when it matches or has a kept one below it."""
    if not wanted:
        return list(tree)
    kept: list[LockNode] = []
    below = 0
    for node in reversed(tree):
        words = f"{node.pid} {node.user} {node.application} {node.state} {node.mode} {node.relation} {node.query}"
        if node.depth < below or wanted in words.lower():
            kept.append(node)
            below = node.depth
    return kept[::-1]


def _backend(item: LockNode | Wait) -> Span:
    if isinstance(item, Wait):
        return item.name, Role.TEXT
    if item.depth == 0:
        return f"● {_who(item)}", Role.STRONG
    return f"{_indent(item.depth, _DEEPEST)}{_who(item)}", Role.TEXT


def _state_cell(item: LockNode | Wait) -> Span:
    if isinstance(item, Wait):
        return f"{item.backends} wait", Role.TEXT
    if item.in_cycle:
        return "deadlock", Role.CRITICAL
    return ("prepared" if item.pid == 0 else state_words(item.state) or UNKNOWN), Role.TEXT


def _query(item: LockNode | Wait) -> Span:
    if isinstance(item, Wait):
        return item.meaning, Role.DIM
    if not item.query:
        return UNKNOWN, Role.DIM
    if item.pid == 0:
        return f"rollback prepared '{item.query}' would free it", Role.DIM
    return (item.query, Role.TEXT) if item.state == "active" else (f"last: {item.query}", Role.DIM)


def _field(name: str, width: int, rank: int, value: str, right: bool = False) -> Field[LockNode | Wait]:
    """A column of the nodes' own words; the other waits have none."""

    def cell(item: LockNode | Wait) -> Span:
        if isinstance(item, Wait):
            return "", Role.DIM
        found = getattr(item, value)
        if value.endswith("_s"):
            return (duration(found) if found is not None else UNKNOWN), Role.TEXT
        return (UNKNOWN if found is None else str(found)), Role.TEXT

    return Field(name=name, width=width, rank=rank, right=right, cell=cell)


def _behind(item: LockNode | Wait) -> Span:
    return ("", Role.DIM) if isinstance(item, Wait) else (" ".join(map(str, item.blocked_by)), Role.DIM)


def _mode(item: LockNode | Wait) -> Span:
    return ("", Role.DIM) if isinstance(item, Wait) else ((item.mode or "").removesuffix("Lock"), Role.TEXT)


_FIELDS: tuple[Field[LockNode | Wait], ...] = (
    Field(name="backend, or wait", width=22, rank=0, right=False, cell=_backend),
    Field(name="state", width=10, rank=3, right=False, cell=_state_cell),
    _field("waited", 7, 1, "waited_s", right=True),
    _field("held", 7, 2, "held_s", right=True),
    _field("blocks", 6, 2, "victims", right=True),
    Field(name="mode", width=15, rank=6, right=False, cell=_mode),
    _field("relation", 12, 4, "relation"),
    _field("application", 12, 5, "application"),
    _field("user", 10, 7, "user"),
    Field(name="behind", width=14, rank=8, right=False, cell=_behind),
    Field(name="query, or what it means", width=0, least=18, rank=1, right=False, cell=_query),
)
