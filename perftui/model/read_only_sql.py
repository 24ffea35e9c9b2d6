"""What READ ONLY does not stop: statements and functions that act on the server, its sessions or its files.

A hedge in front of the server's own rights, not a wall: a function that somebody made may call any of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_BEGINNINGS = ("select", "with", "values", "table", "show", "explain")

_TOKEN = re.compile(
    r"""
      (?P<space>\s+ | --[^\r\n]*)
    | (?P<comment>/\*)
    | (?P<escaped>[uU]&")                                     # U&"\\0070g_…": a name that reads like no name
    | (?P<name>"(?:[^"]|"")*")
    | (?P<string>[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*')
    | (?P<dollar>\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)
    | (?P<parameter>\$\d+)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)

_DENIED = re.compile(
    r"""
      pg_(?:terminate|cancel)_backend | pg_reload_conf | pg_rotate_logfile\w* | pg_promote | pg_switch_\w+
    | pg_create_\w+ | pg_drop_\w+ | pg_copy_\w+ | pg_wal_replay_(?:pause|resume) | pg_xlog_replay_(?:pause|resume)
    | pg_(?:backup_)?(?:start|stop)(?:_backup)? | pg_log_\w+ | pg_export_snapshot | pg_notify | pg_import_\w+
    | pg_logical_\w+ | pg_replication_(?:slot|origin)_\w+ | pg_sync_replication_slots | pg_stat_force_next_flush
    | pg_(?:try_)?advisory_\w+ | pg_(?:set|restore|clear)_\w+_stats | pg_stat\w*_reset\w* | pg_buffercache_\w*evict\w*
    | pg_read_\w+ | pg_ls_\w+ | pg_stat_file | pg_file_\w+ | pg_extension_config_dump | pg_prewarm | autoprewarm_\w+
    | pg_nextoid | pg_truncate_\w+ | binary_upgrade_\w+ | brin_(?:de)?summarize_\w+ | gin_clean_pending_list
    | pg_current_xact_id | txid_current | set_config | nextval | setval | lastval
    | lo_\w+ | lowrite | loread | dblink\w* | postgres_fdw_disconnect\w* | http\w* | aws_\w+
    # These run the text that they are given.
    | (?:query|cursor)_to_xml\w* | ts_stat | ts_rewrite | crosstab\w* | connectby | xpath_table
    """,
    re.VERBOSE,
)


def refusal(sql: str) -> str | None:
    """Why this is not one statement that only reads; None where it is.

    Told by its words alone, however they are spelled: quoted, with a schema, with comments between name and parenthesis.
    """
    words: list[str] = []
    called = ""
    after_string = ended = False
    for kind, text in _tokens(sql):
        if kind == "open":
            return "a comment, a string or a name is not closed"
        if ended:
            return "only one statement is allowed"
        if kind == "escaped":
            return 'U&"…" names are not allowed'
        if kind == "string" and (after_string or (text[0] == "'" and "\\'" in text)):
            return "a string is written so that servers read it in two ways"
        if kind == "word" and not words and text.lower() not in _BEGINNINGS:
            return f"{text.lower()} is not allowed: a statement that only reads begins with {', '.join(_BEGINNINGS)}"
        if text == "(" and kind == "sign" and _DENIED.fullmatch(called):
            return f"{called}() acts on the server"
        ended = kind == "sign" and text == ";"
        called = text.lower() if kind == "word" else text[1:-1].replace('""', '"').lower() if kind == "name" else ""
        after_string = kind == "string"
        if kind == "word":
            words.append(text.lower())
    if not words:
        return "there is no statement"
    if words[0] == "explain" and {"analyze", "analyse"} & set(words):
        return "EXPLAIN ANALYZE runs the statement"
    return None


def _tokens(sql: str) -> Iterator[tuple[str, str]]:
    """(kind, text) without space and comments; `open` for something that is begun and not ended."""
    at = 0
    while at < len(sql):
        found = _TOKEN.match(sql, at)
        assert found is not None, "every sign is a token"
        kind = found.lastgroup if found.lastgroup != "tag" else "dollar"
        at = found.end()
        if kind == "comment":
            at = _comment_end(sql, at)
            if at < 0:
                yield "open", ""
                return
        elif kind == "sign" and found[0] in "'\"":
            yield "open", ""
            return
        elif kind and kind != "space":
            yield kind, found[0]


def _comment_end(sql: str, at: int) -> int:
    """Where a comment ends that began before `at`, comments in it included; -1 where it does not."""
    depth = 1
    for mark in re.compile(r"/\*|\*/").finditer(sql, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return -1
