"""A password on the command line is out of everybody's sight before anything else happens."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from perftui.clients.dsn import without_password


def hide_passwords(words: Sequence[str]) -> None:
    """Start again without the password of `--dsn`, given on in PGPASSWORD: other users can read our command line with `ps`,
    and our own tape holds it too. Comes back when there is none."""
    kept, password = list(words), None
    for place, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option == "--dsn" and equals:
            address, found = without_password(value)
            kept[place] = f"--dsn={address}"
        elif place and words[place - 1] == "--dsn":
            kept[place], found = without_password(word)
        else:
            continue
        password = found if found is not None else password
    if password is not None:
        python = sys.orig_argv[: len(sys.orig_argv) - len(words)]
        os.execve(sys.executable, [*python, *kept], {**os.environ, "PGPASSWORD": password})
