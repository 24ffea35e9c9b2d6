"""By which columns a statement picks the rows of a table, as far as its text gives it away."""

from __future__ import annotations

import re

_CONDITIONS = re.compile(
    r"\bwhere\b(.*?)(?=\bgroup\s+by\b|\border\s+by\b|\blimit\b|\breturning\b|\bhaving\b|\bunion\b|\Z)", re.I | re.S
)
_COMPARED = re.compile(
    r"(?P<column>\w+\(\s*[\w.\"]+\s*\)|[\w.\"]+)\s*(?:=|<=|>=|<(?!>)|>|~~\*?|\b(?:i?like|in|between|is\s+null)\b)", re.I
)
_NOT_COLUMNS = frozenset({"not", "and", "or", "where", "null", "true", "false", "select", "from", "on", "any", "all"})


_RELATIONS = re.compile(r"\b(?:from|join|update)\s+(?:only\s+)?([\w.\"]+)(?:\s+(?:as\s+)?(\w+))?\s*(,?)", re.I)
_NOT_ALIASES = frozenset(
    {"where", "set", "join", "on", "left", "right", "full", "inner", "cross", "order", "group", "limit"}
)


def predicate_columns(query: str, relation: str) -> tuple[str, ...]:
    """The columns of a relation that a statement compares, in the order they are written; `lower(email)` where it is that.

    Empty where the statement has several relations and does not say whose column it is.
    """
    named = _RELATIONS.findall(query)
    mine = [alias for name, alias, _ in named if _bare(name) == _bare(relation)]
    if not mine:
        return ()
    names = {_bare(relation), *(alias.lower() for alias in mine if alias.lower() not in _NOT_ALIASES)}
    alone = len(named) == 1 and not named[0][2]
    found: dict[str, None] = {}
    for conditions in _CONDITIONS.findall(query):
        for match in _COMPARED.finditer(conditions):
            column = _own(match["column"], names, alone)
            if column:
                found[column] = None
    return tuple(found)


def _bare(name: str) -> str:
    """Without its schema."""
    return name.rpartition(".")[2].strip('"').lower()


def _own(written: str, ours: set[str], alone: bool) -> str | None:
    """The column without its table's name; None where it is another table's, or no column at all."""
    function, _, inner = written.rpartition("(")
    name = inner.rstrip(" )").strip().replace('"', "")
    owner, _, column = name.rpartition(".")
    if not column or column[0].isdigit() or column.lower() in _NOT_COLUMNS or function.lower() in _NOT_COLUMNS:
        return None
    if _bare(owner) not in ours if owner else not alone:
        return None
    return f"{function}({column})" if function else column
