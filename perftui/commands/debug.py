"""A fault of ours, kept where it can be sent from."""

from __future__ import annotations

import tempfile
import traceback


def write_traceback(exc: BaseException) -> str:
    """Write the traceback to a new file of mode 0600 and give its path."""
    with tempfile.NamedTemporaryFile("w", prefix="perftui-", suffix=".txt", delete=False) as file:
        traceback.print_exception(exc, file=file)
        return file.name
