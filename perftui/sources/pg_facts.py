"""What a Postgres is, for one look: its settings, and how much is in the database that one is connected to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from heapq import nlargest
from typing import Any

import msgspec

from perftui.model.facts import PostgresFacts
from perftui.sources.pg_activity import version_words
from perftui.sources.pg_client import PgClient
from perftui.sources.pg_tables import FIRST_OF_USERS
from perftui.sources.pg_text import decoded

BIGGEST = 20
"""Tables that are named, by their rows."""
ASKED_BLOCKS = 10_000
"""Ours: with fewer, 80 MB, it is our own statements and chance that a hit ratio tells of."""

SETTINGS_SQL = """
select name::text, setting, unit from pg_settings
 where name in ('server_version_num', 'max_connections', 'shared_buffers', 'effective_cache_size', 'work_mem', 'max_wal_size',
                'random_page_cost', 'synchronous_commit', 'fsync', 'autovacuum', 'data_directory')
"""
DATABASE_SQL = """
select textsend(current_database()::text), pg_database_size(current_database()),
       exists (select from pg_extension where extname = 'pg_stat_statements'), inet_server_addr() is null
"""
# Sizes wait for locks, so none is asked of a table that somebody keeps to himself.
_LEAVES = f"""
with kept as materialized (
  select relation from pg_locks where locktype = 'relation' and mode = 'AccessExclusiveLock'
     and database = (select oid from pg_database where datname = current_database())
), leaves as materialized (
  select c.oid, coalesce(pg_partition_root(c.oid)::oid, c.oid) as root, c.reltuples::float8 as planned, c.relpages,
         exists (select from kept where relation = c.oid) as kept
    from pg_class c where relkind in ('r', 'm') and relpersistence <> 't' and c.oid >= {FIRST_OF_USERS}
)
"""
# As the planner does it: rows a page at the last vacuum or analyze, times the pages of now. The statistics' own number is
# taken only where nothing was ever counted: it begins with 0 after a crash, and is twice what is there where a session loads
# and analyzes within a second.
ROWS_SQL = f"""{_LEAVES}
select root::int8, textsend(root::regclass::text), sum(estimate)::int8, bool_or(estimate is null)
  from (select root, case when planned > 0 and relpages > 0 then planned / relpages * coalesce(pages, relpages)
                          when planned > 0 then planned
                          when live + dead > 0 then live
                          when pages = 0 or relpages > 0 and planned = 0 then 0 end as estimate
          from (select root, planned, relpages, pg_stat_get_live_tuples(oid) as live, pg_stat_get_dead_tuples(oid) as dead,
                       case when kept then null else pg_relation_size(oid) / current_setting('block_size')::int end as pages
                  from leaves) l) e
 group by root
"""
SIZES_SQL = f"""{_LEAVES}
select root::int8, sum(case when kept then null else pg_total_relation_size(oid) end)::int8, bool_or(kept)
  from leaves where root = any (string_to_array('{{ids}}', ',')::oid[]) group by root
"""
BLOCKS_SQL = """
select blks_hit, blks_read, extract(epoch from stats_reset)::float8
  from pg_stat_database where datname = current_database()
"""
_UNIT_BYTES = {"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}


class Blocks(msgspec.Struct, frozen=True):
    """Blocks of the connected database that were asked for, since its statistics were reset."""

    hit: int
    read: int
    reset_at: float | None


class Server(msgspec.Struct, frozen=True):
    """What one look found."""

    facts: PostgresFacts
    notes: Mapping[str, str]
    """By name as in `model.facts.named`: why it is not known."""
    data_directory: str | None
    """None where this role may not see it, or where the server is reached over the network."""


async def blocks(client: PgClient) -> Blocks:
    """Raises as the client does."""
    ((hit, read, reset_at),) = await client.rows(BLOCKS_SQL)
    return Blocks(hit, read, reset_at)


async def pg_facts(client: PgClient, wanted: Collection[str] = ()) -> Server:
    """Read once; a few statements.

    Args:
        wanted: Tables that are told although others are bigger.

    Raises:
        SourceError: as the client tells it.
    """
    settings = {name: (setting, unit) for name, setting, unit in await client.rows(SETTINGS_SQL)}
    ((database, size, statements, local),) = await client.rows(DATABASE_SQL)
    rows = await client.rows(ROWS_SQL)
    notes: dict[str, str] = {}
    named = {root: decoded(raw, 128) or str(root) for root, raw, _, _ in rows}
    uncounted = sorted(named[root] for root, _, _, unknown in rows if unknown)
    estimates = {root: estimate for root, _, estimate, unknown in rows if not unknown}
    for name in uncounted:
        notes[f"postgres.table_rows.{name}"] = f"the rows of {name} were never counted; run ANALYZE"
    if uncounted:
        notes["postgres.rows"] = f"the rows of {_some(uncounted)} were never counted; run ANALYZE"
    chosen = {*nlargest(BIGGEST, estimates, key=lambda root: estimates[root])}
    chosen |= {root for root, name in named.items() if name in wanted}
    sizes = await client.rows(SIZES_SQL.format(ids=",".join(map(str, sorted(chosen)))))
    known: dict[str, Any] = {
        "database": decoded(database, 64),
        "database_bytes": size,
        "pg_stat_statements": statements,
        "rows": None if uncounted else sum(estimates.values()),
        "table_rows": _by_name({root: estimates[root] for root in chosen & estimates.keys()}, named),
        "table_bytes": _by_name({root: taken for root, taken, kept in sizes if not kept}, named),
    }
    facts = PostgresFacts(**known, **parsed_settings(settings))
    folder = settings.get("data_directory", (None, None))[0] if local and not client.pooled else None
    return Server(facts, notes, folder)


def _by_name(values: Mapping[int, int], names: Mapping[int, str]) -> dict[str, int]:
    """The greatest first."""
    return {names[root]: values[root] for root in sorted(values, key=lambda root: (-values[root], names[root]))}


def _some(names: list[str]) -> str:
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]


def parsed_settings(settings: Mapping[str, tuple[str, str | None]]) -> dict[str, Any]:
    """Fields of `PostgresFacts`.

    Args:
        settings: By name, value and unit (`8kB`) as pg_settings has them; those that this role may not see are missing.
    """
    found: dict[str, Any] = {}
    for name, (text, unit) in settings.items():
        match name:
            case "server_version_num":
                found["version"] = version_words(int(text))
            case "max_connections":
                found[name] = int(text)
            case "random_page_cost":
                found[name] = float(text)
            case "synchronous_commit":
                found[name] = text
            case "fsync" | "autovacuum":
                found[name] = text == "on"
            case _ if unit:
                found[f"{name}_bytes"] = int(text) * _unit_bytes(unit)
    return found


def _unit_bytes(unit: str) -> int:
    """`8kB`, `MB`."""
    count = unit.rstrip("kMGTB")
    return int(count or 1) * _UNIT_BYTES[unit.removeprefix(count)]


def hit_ratio(before: Blocks, after: Blocks) -> tuple[float | None, str]:
    """(share of the blocks between two looks that were in shared buffers, or why it is not told).

    What was counted since the last reset tells of weeks and of the time before a restart, not of a cache that is warm now.
    """
    if before.reset_at != after.reset_at:
        return None, "the statistics were reset meanwhile"
    hit, asked = after.hit - before.hit, after.hit + after.read - before.hit - before.read
    if asked < ASKED_BLOCKS:
        return None, f"only {asked} blocks were asked for meanwhile; look while the load test warms up"
    return hit / asked, ""
