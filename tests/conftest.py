"""Fixtures of all tests."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.servers import clients, postgres

__all__ = ["clients", "postgres", "short_path"]


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder with a short name: the path of a Unix socket has 107 bytes at the most."""
    with TemporaryDirectory(prefix="pt-") as folder:
        yield Path(folder)
