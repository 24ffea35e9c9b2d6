"""A password on the command line is out of everybody's sight before anything else happens."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from perftui.clients.dsn import without_secrets
from perftui.model.failure import UsageError

EXPECTED = "expected postgresql://USER@HOST:PORT/DATABASE, 'host=HOST user=USER dbname=DATABASE', or a database's name"


def hide_passwords(words: Sequence[str]) -> None:
    """Start again without the secrets of `--dsn`, given on in PGPASSWORD and PGSSLPASSWORD: other users can read our command
    line with `ps`, and our own tape holds it too. Comes back when there are none.

    Raises:
        UsageError: a DSN that can't be understood; it may hold a secret and is not repeated.
    """
    kept, secrets = list(words), dict[str, str]()
    for place, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option == "--dsn" and equals:
            address, found = _parted(value)
            kept[place] = f"--dsn={address}"
        elif place and words[place - 1] == "--dsn":
            kept[place], found = _parted(word)
        else:
            continue
        secrets |= found
    if secrets:
        python = sys.orig_argv[: len(sys.orig_argv) - len(words)]
        os.execve(sys.executable, [*python, *kept], {**os.environ, **secrets})


def _parted(dsn: str) -> tuple[str, Mapping[str, str]]:
    try:
        return without_secrets(dsn)
    except ValueError as exc:
        raise UsageError(f"--dsn: {exc}; {EXPECTED}") from exc
