"""Tables of the connected database: which are read whole, which are full of dead rows, and why vacuum does not come."""

from __future__ import annotations

from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_activity import PgActivityPart
from perftui.sources.pg_tables import PgTablesPart, TableReading
from perftui.sources.pg_vacuum import PgVacuumPart
from perftui.views.charts import chart
from perftui.views.format import UNKNOWN, count, duration, percent, size
from perftui.views.layout import flow, labelled, short, wrapped
from perftui.views.model import Line, Pane, Role, Span, TableState, Zoom
from perftui.views.pg_vacuum import holder_lines, vacuum_lines
from perftui.views.postgres import after_trouble, silent_zoom, trouble, trouble_lines
from perftui.views.tables import Field, figure, table, text_lines
from perftui.views.tone import tone

KEY, TITLE = "tables", "Tables"
SOURCE = "pg_tables"
WORTH_RATIO = 0.2
WORTH_DEAD = 10_000
"""Dead rows that are worth a place on the overview."""


class Known:
    """A table beside what else is known of it."""

    def __init__(self, reading: TableReading, at: float, phase: str | None) -> None:
        self.reading = reading
        self.phase = phase
        done = [moment for moment in (reading.last_vacuum_at, reading.last_autovacuum_at) if moment is not None]
        self.vacuumed_s = at - max(done) if done else None


def pane(snapshot: Snapshot, width: int, height: int) -> Pane:
    """Those that are read whole, then those with dead rows."""
    part = snapshot.history.known(PgTablesPart)
    problem = trouble(snapshot) or trouble(snapshot, SOURCE)
    lines = (lambda room: _lines(snapshot, part, width, room)) if part else None
    return Pane(title=_title(snapshot), tone=tone(snapshot, KEY), lines=after_trouble(problem, lines, width, height))


def _title(snapshot: Snapshot) -> str:
    """Only one database can be read: it is named."""
    part = snapshot.history.known(PgActivityPart)
    return f"{TITLE} of {part.database}" if part else TITLE


def _lines(snapshot: Snapshot, part: PgTablesPart, width: int, height: int) -> tuple[Line, ...]:
    items = [each for each in _known(snapshot, part) if _worth(each.reading)]
    if not items:
        return wrapped(_calm(part), width, Role.DIM)[:height]
    if height < 3:
        pieces = [_brief(each) for each in items[: 3 * height]]
        return flow([pieces], width, height, essential=1)
    return text_lines(_PANE_FIELDS, items[: height - 1], width)


def _calm(part: PgTablesPart) -> str:
    if part.tables_interval_s is None:
        return "first interval is being measured"
    return f"{part.tables_scanned} tables: none is read whole, none is full of dead rows"


def _worth(reading: TableReading) -> bool:
    """A catalog of a hundred rows is read whole by every look at it."""
    dead = (reading.dead_ratio or 0.0) > WORTH_RATIO and (reading.dead_rows or 0) >= WORTH_DEAD
    return dead or (reading.rows_read_per_s or 0.0) >= 1000


def _brief(each: Known) -> Line:
    """`orders 12 M rows/s  33 % dead`."""
    reading = each.reading
    spans: list[Span] = [(f"{short(reading.relation, 24)} ", Role.DIM)]
    if (reading.rows_read_per_s or 0.0) >= 1000:
        spans.append((f"{count(reading.rows_read_per_s).strip()} rows/s ", Role.TEXT))
    if (reading.dead_ratio or 0.0) > WORTH_RATIO:
        spans.append((f"{percent(reading.dead_ratio).strip()} dead", Role.TEXT))
    return tuple(spans)


def _known(snapshot: Snapshot, part: PgTablesPart) -> list[Known]:
    vacuum = snapshot.history.latest(PgVacuumPart)
    phases = {each.relation: each.phase or "runs" for each in (vacuum.vacuums if vacuum else ())}
    return [Known(reading, snapshot.at, phases.get(reading.relation)) for reading in part.tables]


def zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """Rows read by sequential scans over time, what vacuum does, and each table that matters."""
    part = snapshot.history.known(PgTablesPart)
    problem = trouble(snapshot) or trouble(snapshot, SOURCE)
    if part is None:
        return silent_zoom(snapshot, KEY, _title(snapshot), problem, width)
    group = [
        labelled("rows/s read whole", count(part.sequential_rows_per_s)),
        labelled("interval", duration(part.tables_interval_s)),
        labelled("tables in use", count(part.tables_scanned)),
        (
            (
                "tables of other databases can't be seen from here; sizes without indexes, as of the last vacuum",
                Role.DIM,
            ),
        ),
    ]
    return Zoom(
        title=_title(snapshot),
        tone=tone(snapshot, KEY),
        chart=chart(
            snapshot,
            state,
            "rows read by sequential scans",
            "M/s",
            1e-6,
            [("all tables", "postgres.sequential_rows_per_s")],
        ),
        lines=(
            *trouble_lines(problem, width),
            *flow([group], width, 2, essential=1),
            *holder_lines(snapshot, width, 3),
            *vacuum_lines(snapshot, width),
        ),
        table=table(
            _FIELDS,
            _known(snapshot, part),
            state,
            width,
            default="rows/s",
            key=lambda each: each.reading.relation,
            found_by=lambda each: each.reading.relation,
            empty=_calm(part),
        ),
    )


def _why(each: Known) -> Span:
    """What there is to know of vacuum here."""
    if each.phase:
        return each.phase, Role.TEXT
    if not each.reading.autovacuum:
        return "autovacuum off", Role.WARNING if each.reading.dead_rows else Role.DIM
    if each.reading.locked_by is not None:
        return f"locked by {each.reading.locked_by}", Role.WARNING
    if each.vacuumed_s is not None:
        return f"{duration(each.vacuumed_s)} ago", Role.DIM
    return "never" if each.reading.dead_rows else UNKNOWN, Role.DIM


NAME: Field[Known] = Field(
    name="table",
    key="table",
    width=0,
    least=16,
    rank=0,
    right=False,
    cell=lambda each: (each.reading.relation, Role.TEXT),
    order=lambda each: each.reading.relation,
)
ROWS: Field[Known] = figure("rows/s", 6, 1, count, lambda each: each.reading.rows_read_per_s, Role.STRONG)
SCANS: Field[Known] = figure("scans/s", 7, 4, count, lambda each: each.reading.sequential_scans_per_s)
RATIO: Field[Known] = figure("dead", 5, 2, percent, lambda each: each.reading.dead_ratio, Role.STRONG)
SIZE: Field[Known] = figure("size", 5, 5, size, lambda each: each.reading.size_bytes)
VACUUM: Field[Known] = Field(
    name="vacuum",
    key="vacuum",
    width=16,
    rank=3,
    right=False,
    cell=_why,
    order=lambda each: each.vacuumed_s,
)
_PANE_FIELDS = (NAME, ROWS, RATIO, SCANS, SIZE)
_FIELDS: tuple[Field[Known], ...] = (
    NAME,
    ROWS,
    SCANS,
    figure("idx/s", 5, 6, count, lambda each: each.reading.index_scans_per_s),
    RATIO,
    figure("dead rows", 9, 7, count, lambda each: each.reading.dead_rows),
    figure("live rows", 9, 8, count, lambda each: each.reading.live_rows),
    SIZE,
    figure("xid age", 7, 9, count, lambda each: each.reading.xid_age),
    VACUUM,
)
