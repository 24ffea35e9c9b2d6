"""Pools: how full each is and who waits; and who holds its connections and does what with them in Postgres."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from perftui.history.pool_links import NO_CONNECTIONS, PoolLink, pool_links, sizing, sizing_words
from perftui.history.worst_pool import ServerPoolPart, badness
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pgbouncer import KIND_NAME, PgBouncerPart
from perftui.sources.pool import PoolReading, PoolState
from perftui.sources.pool_metrics import PoolMetricsPart
from perftui.views.charts import PERCENT, chart
from perftui.views.format import UNKNOWN, bar, count, duration, latency, percent
from perftui.views.layout import clipped, length, short, wrapped
from perftui.views.model import Chart, Line, Pane, Role, Span, TableState, Zoom, text
from perftui.views.postgres import Trouble, state_words, trouble
from perftui.views.tables import Field, table
from perftui.views.tone import tone

KEY, TITLE = "pools", "Pools"
SOURCES = {"pgbouncer": "PgBouncer", "pool_metrics": "over HTTP"}
_PARTS: dict[str, type[PgBouncerPart] | type[PoolMetricsPart]] = {
    "pgbouncer": PgBouncerPart,
    "pool_metrics": PoolMetricsPart,
}
_ROLES = {PoolState.CRITICAL: Role.CRITICAL, PoolState.WARNING: Role.WARNING, PoolState.UNKNOWN: Role.WARNING}
LEAST_BAR, MOST_BAR = 4, 30
NAME_WIDTH = 20
CALM_CLIENTS_RATIO = 0.5
"""The slots for clients stand in the pane from here on; their row is in the zoom always."""


class Named(msgspec.Struct, frozen=True):
    name: str
    pool: PoolReading
    fresh: bool


_URL = re.compile(r"https?://\S+: ")
"""Of what was asked; the pool's name says it, and the zoom has it whole."""


def configured(snapshot: Snapshot) -> bool:
    """Whether a pool beside Postgres itself is watched here, or was when the tape was recorded."""
    states = (snapshot.history.sources.get(source) for source in SOURCES)
    return any(state is not None and state.state != "off" for state in states)


def _known(snapshot: Snapshot) -> list[Named]:
    """All pools, those whose source failed as they were last; the worst first."""
    found: list[Named] = []
    for source, part in _PARTS.items():
        known = snapshot.history.known(part)
        fresh = trouble(snapshot, source) is None
        found += [Named(name, pool, fresh) for name, pool in known.pools.items()] if known else []
    return sorted(found, key=lambda each: (each.fresh, badness(each.pool)), reverse=True)


def _troubles(snapshot: Snapshot) -> list[tuple[str, Trouble]]:
    found = ((words, trouble(snapshot, source)) for source, words in SOURCES.items())
    return [(words, problem) for words, problem in found if problem is not None]


def pane(snapshot: Snapshot, width: int, height: int) -> Pane:
    """What can't be read first, then a line for each pool, the worst first."""
    pools = [each for each in _known(snapshot) if _matters(each.pool)]
    told = _told(_troubles(snapshot), bool(pools), width, height)
    lines = [*told, *_pool_lines(pools, width, height - len(told))]
    if not lines:
        lines = list(wrapped("no pool yet: nobody has connected through it", width, Role.DIM))
    return Pane(title=_title(pools), tone=tone(snapshot, KEY), lines=tuple(lines[:height]))


def _matters(pool: PoolReading) -> bool:
    return pool.kind != NO_CONNECTIONS or (pool.utilization_ratio or 0.0) > CALM_CLIENTS_RATIO


def _title(pools: Sequence[Named]) -> str:
    waiting = [each.pool.waiting for each in pools if each.fresh and each.pool.waiting is not None]
    return f"{TITLE} · {sum(waiting)} waiting" if sum(waiting) else TITLE


def _told(troubles: Sequence[tuple[str, Trouble]], known: bool, width: int, height: int) -> list[Line]:
    """Each source that failed in as many lines as leave half of the pane to what is known."""
    room = height if not known else max(1, height // 2)
    if room == 1:
        return [text(problem.brief(width), Role.WARNING) for _, problem in troubles[:1]]
    lines: list[Line] = []
    for words, problem in troubles:
        named = f"{words} {problem.words}" if len(troubles) > 1 else problem.words
        lines += wrapped(named, width, Role.WARNING)
    return lines[:room]


def _pool_lines(pools: Sequence[Named], width: int, height: int) -> list[Line]:
    if height < 1 or not pools:
        return []
    names = _short_names(pools)
    name_width = min(max(map(len, names.values())), NAME_WIDTH if width >= 40 else 12)
    use_width = max(len(_use(each.pool)) for each in pools)
    kept = pools if len(pools) <= height else pools[: max(1, height - 1)]
    lines = [_pool_line(each, short(names[each.name], name_width).ljust(name_width), use_width, width) for each in kept]
    left = len(pools) - len(kept)
    if left and len(lines) < height:
        lines.append(((f"and {left} more", Role.DIM),))
    return lines


def _short_names(pools: Sequence[Named]) -> dict[str, str]:
    """`orders` of `edge/orders/app` where no other pool is of that database."""
    databases = {
        each.name: each.name.split("/")[-2] for each in pools if each.pool.kind == KIND_NAME and "/" in each.name
    }
    often = Counter(databases.values())
    return {each.name: found if often[found := databases.get(each.name, "")] == 1 else each.name for each in pools}


def _pool_line(each: Named, name: str, use_width: int, width: int) -> Line:
    """`orders  50/50 ██████ wait 41 2.4 s`."""
    pool = each.pool
    head: Line = (
        (f"{name} ", Role.TEXT),
        (f"{_use(pool).rjust(use_width)} ", _role(pool, Role.STRONG)),
    )
    tail = _tail(pool)
    room = min(MOST_BAR, width - length(head) - length(tail) - 1)
    middle = (*bar(pool.utilization_ratio, room), (" ", Role.DIM)) if room >= LEAST_BAR else ()
    line = clipped((*head, *middle, *tail), width)
    return line if each.fresh else tuple((words, Role.DIM) for words, _ in line)


def _use(pool: PoolReading) -> str:
    """`50/50`; what is not known is `–`."""
    return f"{_number(pool.in_use)}/{_number(pool.max_size)}"


def _number(value: int | None) -> str:
    return UNKNOWN if value is None else str(value)


def _role(pool: PoolReading, calm: Role) -> Role:
    return _ROLES.get(pool.state, calm)


def _tail(pool: PoolReading) -> Line:
    """What is wrong with it, or who waits and for how long."""
    if pool.problem:
        return ((_URL.sub("", pool.problem), Role.WARNING),)
    if pool.shut:
        queue = f", {pool.waiting} wait" if pool.waiting else ""
        return ((f"{pool.shut}{queue}", Role.CRITICAL),)
    if pool.waiting is None:
        return (("" if pool.kind == NO_CONNECTIONS else "wait –", Role.DIM),)
    role = Role.CRITICAL if pool.waiting and pool.state is PoolState.CRITICAL else Role.TEXT
    wait = f" {latency(pool.wait_s).strip()}" if pool.waiting and pool.wait_s else ""
    return (("wait ", Role.DIM), (f"{pool.waiting}{wait}", role))


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table: a pool, or a client of the pool above it."""

    name: str
    pool: PoolReading
    link: PoolLink | None = None
    last: bool = False


def zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """How full the worst pools were, and below each its clients with the backends that they hold."""
    pools = _known(snapshot)
    server = snapshot.history.known(ServerPoolPart)
    if server is not None:
        pools += [Named(name, pool, True) for name, pool in server.pools.items()]
    lines: list[Line] = []
    for words, problem in _troubles(snapshot):
        lines += wrapped(f"{words}: {problem.words}", width, Role.WARNING)
    size = sizing(snapshot.history)
    if size is not None:
        lines += wrapped(sizing_words(size), width, Role.DIM)
    return Zoom(
        title=TITLE,
        tone=tone(snapshot, KEY),
        chart=_chart(snapshot, state, pools) if pools else None,
        lines=tuple(lines),
        table=table(
            _FIELDS,
            _items(snapshot, pools),
            state,
            width,
            default="need",
            key=_key,
            found_by=_words,
            empty="nobody has connected through a pool yet",
        ),
    )


def _key(item: Item) -> str:
    """Of a client with a known backend the backend's, as in the list of sessions: what can be done to one is offered here."""
    backend = item.link.backend if item.link else None
    if backend is not None:
        return f"{backend.pid}:{backend.backend_start_at}"
    return f"{item.name}|{item.link.client.address if item.link else ''}"


def _chart(snapshot: Snapshot, state: TableState, pools: Sequence[Named]) -> Chart:
    readings = [(each.name, f"pools.{each.name}.utilization_ratio") for each in pools[:4]]
    return chart(snapshot, state, "in use", "%", PERCENT, readings, top=100.0)


def _items(snapshot: Snapshot, pools: Sequence[Named]) -> list[Item]:
    links: dict[str, list[PoolLink]] = {}
    for link in pool_links(snapshot.history):
        links.setdefault(link.pool, []).append(link)
    found = []
    for each in pools:
        found.append(Item(name=each.name, pool=each.pool))
        below = sorted(links.get(each.name, ()), key=_length, reverse=True)
        found += [Item(name=each.name, pool=each.pool, link=link, last=link is below[-1]) for link in below]
    return found


def _length(link: PoolLink) -> tuple[bool, float]:
    """Holders first, those that hold longest before the others; then who waits."""
    held = link.client.held_s is not None
    return held, (link.client.held_s if held else link.client.waited_s) or 0.0


def _words(item: Item) -> str:
    """What a filter is looked for in."""
    pool, link = item.pool, item.link
    words = [item.name, pool.kind, pool.state, pool.database or "", pool.user or ""]
    if link is not None:
        words += [link.client.application, link.client.address, link.client.state, str(link.client.backend_pid or "")]
        words.append((link.backend.query if link.backend else None) or "")
    return " ".join(words)


def _name(item: Item) -> Span:
    if item.link is None:
        return item.name, _role(item.pool, Role.STRONG)
    client = item.link.client
    return f"{'└' if item.last else '├'} {client.application or client.address}", Role.TEXT


def _of_pool(words: Callable[[PoolReading], Span]) -> Callable[[Item], Span]:
    """A cell that rows of clients leave empty."""
    return lambda item: words(item.pool) if item.link is None else ("", Role.DIM)


def _state(item: Item) -> Span:
    if item.link is not None:
        return _doing(item.link)
    pool = item.pool
    return pool.shut or pool.state.value, _role(pool, Role.DIM)


def _doing(link: PoolLink) -> Span:
    """What the backend does that the client holds; `waits` where it holds none."""
    if link.client.backend_pid is None:
        return ("waits", Role.WARNING) if link.client.waited_s is not None else (link.client.state, Role.DIM)
    if link.backend is None:
        return "holds", Role.DIM
    if link.backend.blocked_by:
        return f"lock {link.backend.lock_target or ''}".strip(), Role.WARNING
    return state_words(link.backend.state) or UNKNOWN, Role.TEXT


def _wait(item: Item) -> Span:
    link = item.link
    if link is None:
        return latency(item.pool.wait_s), Role.TEXT
    return (latency(link.client.waited_s), Role.TEXT) if link.client.waited_s is not None else ("", Role.DIM)


def _held(item: Item) -> Span:
    held = item.link.client.held_s if item.link else None
    return ("", Role.DIM) if held is None else (duration(held), Role.TEXT)


def _pid(item: Item) -> Span:
    pid = item.link.client.backend_pid if item.link else None
    return ("" if pid is None else str(pid)), Role.DIM


def _statement(item: Item) -> Span:
    if item.link is None:
        return item.pool.problem, Role.WARNING
    backend = item.link.backend
    if backend is None or not backend.query:
        return "", Role.DIM
    return (backend.query, Role.TEXT) if backend.state == "active" else (f"last: {backend.query}", Role.DIM)


def _number_of(name: str, width: int, rank: int, value: Callable[[PoolReading], float | None]) -> Field[Item]:
    """A column of numbers of the pools; their clients stay with them however they are sorted."""

    def words(pool: PoolReading) -> Span:
        return count(value(pool)), Role.TEXT

    return Field(name=name, key=name, width=width, rank=rank, cell=_of_pool(words), order=lambda item: value(item.pool))


_FIELDS: tuple[Field[Item], ...] = (
    Field(name="pool, clients", key="pool", width=22, rank=0, right=False, cell=_name, order=lambda item: item.name),
    Field(name="kind", width=10, rank=9, right=False, cell=_of_pool(lambda pool: (pool.kind, Role.DIM))),
    Field(
        name="in use",
        key="use",
        width=8,
        rank=0,
        cell=_of_pool(lambda pool: (_use(pool), _role(pool, Role.TEXT))),
        order=lambda item: item.pool.in_use,
    ),
    Field(
        name="%",
        key="need",
        width=5,
        rank=6,
        cell=_of_pool(lambda pool: (percent(pool.utilization_ratio), Role.TEXT)),
        order=lambda item: _need(item.pool),
    ),
    _number_of("idle", 5, 8, lambda pool: pool.idle),
    _number_of("waiting", 7, 1, lambda pool: pool.waiting),
    Field(name="wait", key="wait", width=7, rank=1, cell=_wait, order=lambda item: item.pool.wait_s),
    Field(name="held", width=6, rank=3, cell=_held),
    Field(name="pid", width=7, rank=4, cell=_pid),
    Field(name="state", width=12, rank=2, right=False, cell=_state),
    _number_of("queries/s", 9, 7, lambda pool: pool.queries_per_s),
    _number_of("leaked", 6, 10, lambda pool: pool.leaked),
    Field(name="statement", width=0, least=14, rank=5, right=False, cell=_statement),
)


def _need(pool: PoolReading) -> float:
    """One number in the order of badness."""
    rank, waiting, ratio = badness(pool)
    return rank * 1e6 + waiting + min(ratio, 0.999)
