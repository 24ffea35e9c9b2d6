"""One statement of pg_stat_statements: its whole text, and how the server would carry it out."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from perftui.model.failure import FailureKind, SourceError
from perftui.sources.pg_client import PgControlClient, PgSession
from perftui.sources.pg_statements import EXTENSION_SQL
from perftui.sources.pg_text import HIDDEN_TEXT, has_parameters, masked

TEXT_BYTES = 65536
PLAN_LINES = 2000
PLAN_S = 5.0
_EXPLAINED = ("select", "insert", "update", "delete", "merge", "with", "values", "table")
_NAME = "perftui_plan"

TEXT_SQL = """
select substring(textsend(query) from 1 for {bytes}) from {schema}.pg_stat_statements(true)
 where queryid = $1::int8 and dbid::int8 = $2::int8 and userid::int8 = $3::int8 limit 1
"""
ABOUT_SQL = """
select current_setting('server_version_num')::int8, textsend(current_database()::text),
       (select oid::int8 from pg_database where datname = current_database()),
       (select textsend(datname::text) from pg_database where oid = $1::int8::oid),
       (select textsend(rolname::text) from pg_roles where oid = $2::int8::oid)
"""
# What the role gets in that database unless its program sets another one.
PATH_SQL = """
select textsend(substring(each from 13)) from pg_db_role_setting, unnest(setconfig) each
 where each like 'search_path=%' and setdatabase::int8 in (0, $1::int8) and setrole::int8 in (0, $2::int8)
 order by setdatabase <> 0 and setrole <> 0 desc, setrole <> 0 desc limit 1
"""
COUNT_SQL = f"select cardinality(parameter_types)::int8 from pg_prepared_statements where name = '{_NAME}'"
DEFAULT_PATH = '"$user", public'


class StatementKey(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of pg_stat_statements."""

    queryid: int
    database_oid: int
    user_oid: int


class StatementText(msgspec.Struct, frozen=True, kw_only=True):
    """The whole text, its lines as they were written, without control characters."""

    text: str
    literals: bool
    """Literals are shown as they stand; otherwise each is a ?."""
    cut: bool
    """It is longer than 64 KiB."""


class How(StrEnum):
    PLAIN = "plan"
    GENERIC = "generic plan, for any values of the parameters"
    ANALYZE = "plan with what its run took"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    how: How
    lines: tuple[str, ...]
    search_path: str
    """The path it was planned with; the program may use another one."""


async def whole_text(control: PgControlClient, key: StatementKey, literals: bool = False) -> StatementText:
    """The text as the server keeps it.

    Raises:
        SourceError: MISSING when it was evicted, DENIED when this role may not see it; or as the client tells it.
    """
    raw = await _raw(control, key)
    words = raw[:TEXT_BYTES].decode("utf-8", "replace")
    return StatementText(
        text=_shown(words if literals else masked(words)), literals=literals, cut=len(raw) >= TEXT_BYTES
    )


async def plan(control: PgControlClient, key: StatementKey, analyze: bool = False) -> Plan:
    """The server's plan, made in a transaction that writes nothing and is rolled back. Nothing runs unless `analyze`.

    Raises:
        SourceError: UNSUPPORTED with the reason why there is no plan to be had; or as `whole_text`.
    """
    raw = await _raw(control, key)
    text = raw.decode("utf-8", "replace")
    ((version, here, database_oid, there, role),) = await control.rows(ABOUT_SQL, key.database_oid, key.user_oid)
    if key.database_oid != database_oid:
        name = _words(there) or f"with oid {key.database_oid}"
        raise _no_plan(f"it ran in database {name}, and perftui is connected to {_words(here)}; name it with --dsn")
    if len(raw) >= TEXT_BYTES:
        raise _no_plan("its text is longer than 64 KiB")
    if _first_word(text) not in _EXPLAINED:
        raise _no_plan("only SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES and TABLE have a plan")
    parameters = has_parameters(text)
    if analyze and parameters:
        raise _no_plan("ANALYZE runs the statement, and the values of its parameters are not known")
    if analyze and (reason := _why_not_run(text)) is not None:
        raise _no_plan(f"ANALYZE would run the statement, and {reason}")
    path = await _search_path(control, key, _words(role))
    async with control.transaction(timeout_s=PLAN_S) as session:
        # No parameter can stand here, and the path is the server's own setting for that role.
        await session.rows("select set_config('search_path', $1, true)", path)
        try:
            how, rows = await _planned(session, text, parameters, analyze)
        except SourceError as exc:
            raise _explained(exc, path, version) from exc
    lines = tuple(_shown(str(row[0])) for row in rows[:PLAN_LINES])
    return Plan(how=how, lines=lines, search_path=_shown(path))


def _why_not_run(text: str) -> str | None:
    from perftui.model.read_only_sql import refusal  # compiles for a millisecond, which no start need pay

    return refusal(text)


async def _raw(control: PgControlClient, key: StatementKey) -> bytes:
    found = await control.rows(EXTENSION_SQL)
    if not found:
        raise SourceError(
            FailureKind.MISSING,
            "pg_stat_statements is not installed in this database; run CREATE EXTENSION pg_stat_statements",
        )
    schema = _words(found[0][0])
    sql = TEXT_SQL.format(schema=schema, bytes=TEXT_BYTES)
    rows = await control.rows(sql, key.queryid, key.database_oid, key.user_oid)
    if not rows or rows[0][0] is None:
        raise SourceError(FailureKind.MISSING, "pg_stat_statements: the entry was evicted or reset: its text is gone")
    raw: bytes = rows[0][0]
    if raw == HIDDEN_TEXT:
        raise SourceError(FailureKind.DENIED, "pg_stat_statements: the text is hidden; grant pg_monitor to this role")
    return raw


async def _search_path(control: PgControlClient, key: StatementKey, role: str) -> str:
    rows = await control.rows(PATH_SQL, key.database_oid, key.user_oid)
    path = _words(rows[0][0]) if rows else DEFAULT_PATH
    quoted = '"{}"'.format(role.replace('"', '""') or "nobody")
    return path.replace('"$user"', quoted).replace("$user", quoted)


async def _planned(
    session: PgSession, text: str, parameters: bool, analyze: bool
) -> tuple[How, list[tuple[object, ...]]]:
    """Options stand in parentheses: so a text that begins with ANALYZE is no option, but an error."""
    if analyze:
        return How.ANALYZE, await session.rows(f"explain (analyze, buffers) {text}")
    if not parameters:
        return How.PLAIN, await session.rows(f"explain (costs) {text}")
    # EXPLAIN (GENERIC_PLAN) is there from 16 on only, and the driver's protocol wants values for its parameters. PREPARE takes
    # one statement and runs nothing, EXPLAIN EXECUTE neither; with this setting the values make no difference.
    await session.run("set local plan_cache_mode = force_generic_plan")
    if await session.rows(COUNT_SQL):  # a rollback does not take it back when the last one failed half-way
        await session.run(f"deallocate {_NAME}")
    await session.rows(f"prepare {_NAME} as {text}")
    ((count,),) = await session.rows(COUNT_SQL)
    nothing = ", ".join(["null"] * count)
    rows = await session.rows(f"explain (costs) execute {_NAME}({nothing})")
    await session.run(f"deallocate {_NAME}")
    return How.GENERIC, rows


def _explained(exc: SourceError, path: str, version: int) -> SourceError:
    """The server's words, and what may be behind them."""
    if exc.kind is FailureKind.DENIED and "permission denied" in exc.detail:
        advice = "grant pg_read_all_data" if version >= 140000 else "grant select on it"
        words = exc.detail.partition("; ")[0]
        return SourceError(FailureKind.DENIED, f"{words}; a plan needs the rights of its run: {advice} to this role")
    if 'at or near "$' in exc.detail:
        reason = "the server keeps the text with a parameter where none may stand (interval $1, extract($1 from …))"
        return _no_plan(f"{reason}: run EXPLAIN by hand with the value in its place")
    if "does not exist" in exc.detail:
        words = exc.detail.partition("; ")[0]
        return SourceError(
            FailureKind.MISSING, f"{words}; it was looked for in {_shown(path)}, its program may set another"
        )
    return exc


def _no_plan(reason: str) -> SourceError:
    return SourceError(FailureKind.UNSUPPORTED, f"no plan: {reason}")


def _words(raw: bytes | None) -> str:
    return raw.decode("utf-8", "replace") if raw else ""


def _first_word(text: str) -> str:
    found = re.match(r"(?:\s+|--[^\r\n]*|/\*.*?\*/|\()*([a-zA-Z]+)", text, re.DOTALL)
    return found[1].lower() if found else ""


def _shown(text: str) -> str:
    """Line breaks stay, tabs are four blanks, all else that steers a terminal becomes `?`."""
    text = text.replace("\r\n", "\n").expandtabs(4)
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)
