"""Fixtures of all tests."""

from tests.servers import clients, postgres

__all__ = ["clients", "postgres"]
