"""The docstrings below the fields of the format's records, for its schema and its reference."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise


@cache
def field_texts(record: type) -> dict[str, str]:
    """Field → its docstring, as one line."""
    tree = ast.parse(inspect.getsource(sys.modules[record.__module__]))
    node = next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == record.__name__), None)
    found: dict[str, str] = {}
    body = node.body if node is not None else []
    for field, after in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
            value = after.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                found[field.target.id] = " ".join(value.value.split())
    return found
