"""Two environments side by side, as a table of cases."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from perftui.history.parity import Likeness, Parity, Row, parity
from perftui.model.facts import Facts, Gathered, PostgresFacts

ALIKE, DIFFERS, UNKNOWN = Likeness.ALIKE, Likeness.DIFFERS, Likeness.UNKNOWN
POSTGRES = PostgresFacts(
    version="16.4",
    max_connections=500,
    rows=500_000_000,
    cache_hit_ratio=0.99,
    work_mem_bytes=4 << 20,
    database_bytes=100 << 30,
    fsync=True,
    table_rows={"public.orders": 480_000_000, "public.kinds": 12},
)
PRODUCTION = Facts(
    at="2026-11-20 09:12:00Z",
    host="db-1",
    cores=32,
    memory_bytes=128 << 30,
    bandwidth_bits_per_s=10_000_000_000,
    kernel="6.1.0",
    sysctl={"net.core.somaxconn": 4096},
    postgres=POSTGRES,
)


def compared(here: dict[str, Any], **notes: str) -> Parity:
    """With production but for what is given; keys of Postgres begin with pg_."""
    postgres = {name.removeprefix("pg_"): value for name, value in here.items() if name.startswith("pg_")}
    host = {name: value for name, value in here.items() if not name.startswith("pg_")}
    facts = msgspec.structs.replace(PRODUCTION, postgres=msgspec.structs.replace(POSTGRES, **postgres))
    return parity(PRODUCTION, Gathered(msgspec.structs.replace(facts, **host), notes))


def row(found: Parity, what: str) -> Row:
    (each,) = (row for row in found.rows if row.what == what)
    return each


def test_an_environment_is_like_itself() -> None:
    found = compared({"host": "other", "at": "now"})

    assert (found.verdict, found.failed, found.unknown) == (ALIKE, (), ())
    assert {row.verdict for row in found.rows} == {ALIKE}
    assert row(found, "memory_bytes").ratio == 1.0


@pytest.mark.parametrize(
    ("here", "what", "verdict", "ratio"),
    [
        ({"cores": 32}, "cores", ALIKE, 1.0),
        ({"cores": 31.5}, "cores", DIFFERS, 31.5 / 32),
        ({"cores": 64}, "cores", ALIKE, 2.0),
        ({"memory_bytes": (128 << 30) * 8 // 10 + 1}, "memory_bytes", ALIKE, 0.8),
        ({"memory_bytes": 64 << 30}, "memory_bytes", DIFFERS, 0.5),
        ({"bandwidth_bits_per_s": 5_000_000_000}, "bandwidth_bits_per_s", ALIKE, 0.5),
        ({"bandwidth_bits_per_s": 1_000_000_000}, "bandwidth_bits_per_s", DIFFERS, 0.1),
        ({"pg_max_connections": 499}, "postgres.max_connections", DIFFERS, 0.998),
        ({"pg_rows": 400_000_000}, "postgres.rows", ALIKE, 0.8),
        ({"pg_rows": 399_999_999}, "postgres.rows", DIFFERS, 0.8),
        ({"pg_cache_hit_ratio": 0.95}, "postgres.cache_hit_ratio", ALIKE, 0.96),
        ({"pg_cache_hit_ratio": 0.5}, "postgres.cache_hit_ratio", DIFFERS, 0.505),
        ({"pg_table_rows": {"public.orders": 10_000}}, "postgres.table_rows.public.orders", DIFFERS, 0.0),
    ],
)
def test_what_is_required(here: dict[str, Any], what: str, verdict: Likeness, ratio: float) -> None:
    found = compared(here)

    told = row(found, what)
    assert told.verdict is verdict and told.ratio == pytest.approx(ratio, abs=0.001)
    assert told.required_ratio is not None
    assert found.verdict is verdict
    assert found.failed == ((what,) if verdict is DIFFERS else ())


@pytest.mark.parametrize(
    ("here", "what", "verdict"),
    [
        ({"kernel": "6.8.0"}, "kernel", DIFFERS),
        ({"sysctl": {"net.core.somaxconn": 128}}, "sysctl.net.core.somaxconn", DIFFERS),
        ({"sysctl": {}}, "sysctl.net.core.somaxconn", UNKNOWN),
        ({"pg_version": "16.6"}, "postgres.version", DIFFERS),
        ({"pg_fsync": False}, "postgres.fsync", DIFFERS),
        ({"pg_work_mem_bytes": 5 << 20}, "postgres.work_mem_bytes", DIFFERS),
        ({"pg_database_bytes": 90 << 30}, "postgres.database_bytes", ALIKE),
        ({"pg_database_bytes": 60 << 30}, "postgres.database_bytes", DIFFERS),
        (
            {"pg_table_rows": {"public.orders": 480_000_000, "public.kinds": 3}},
            "postgres.table_rows.public.kinds",
            DIFFERS,
        ),
    ],
)
def test_a_difference_of_what_is_not_required_fails_nothing(here: dict[str, Any], what: str, verdict: Likeness) -> None:
    found = compared(here)

    assert row(found, what).verdict is verdict
    assert row(found, what).required_ratio is None
    assert (found.verdict, found.failed, found.unknown) == (ALIKE, (), ())


def test_a_table_that_is_not_here_differs_and_one_that_was_not_counted_is_unknown() -> None:
    name = "postgres.table_rows.public.orders"
    missing, uncounted = compared({"pg_table_rows": {}}), compared({"pg_table_rows": {}}, **{name: "never counted"})

    assert row(missing, name).reason == "there is no such table here" and missing.failed == (name,)
    assert row(uncounted, name).reason == "never counted" and uncounted.unknown == (name,)
    assert uncounted.verdict is UNKNOWN


def test_what_is_required_and_not_known_here_is_unknown_with_its_reason() -> None:
    found = compared({"bandwidth_bits_per_s": None}, bandwidth_bits_per_s="eth0 tells no link speed")

    assert (found.verdict, found.unknown) == (UNKNOWN, ("bandwidth_bits_per_s",))
    told = row(found, "bandwidth_bits_per_s")
    assert (told.verdict, told.ratio, told.reason) == (UNKNOWN, None, "eth0 tells no link speed")


def test_what_is_too_small_is_told_before_what_is_not_known() -> None:
    found = compared({"bandwidth_bits_per_s": None, "cores": 4})

    assert (found.verdict, found.failed, found.unknown) == (DIFFERS, ("cores",), ("bandwidth_bits_per_s",))


def test_a_cache_that_nobody_asks_yet_does_not_make_all_unknown() -> None:
    found = compared({"pg_cache_hit_ratio": None}, **{"postgres.cache_hit_ratio": "only 40 blocks were asked for"})

    assert (found.verdict, found.unknown) == (ALIKE, ())
    assert row(found, "postgres.cache_hit_ratio").reason == "only 40 blocks were asked for"


def test_without_postgres_its_facts_are_unknown_for_that_reason() -> None:
    here = Gathered(msgspec.structs.replace(PRODUCTION, postgres=None), {"postgres": "connection refused"})
    found = parity(PRODUCTION, here)

    assert found.verdict is UNKNOWN
    assert found.unknown == ("postgres.max_connections", "postgres.rows", "postgres.table_rows.public.orders")
    assert {row.reason for row in found.rows if row.what.startswith("postgres.")} == {"connection refused"}


@pytest.mark.parametrize(
    ("production", "verdict"),
    [
        (Facts(cores=8), ALIKE),
        (Facts(cores=64), DIFFERS),
        (Facts(cores=0), ALIKE),
        (Facts(kernel="6.1.0"), UNKNOWN),
        (Facts(), UNKNOWN),
    ],
    ids=["what is named counts", "too few", "none", "nothing required is named", "nothing is named"],
)
def test_a_file_by_hand_with_some_keys(production: Facts, verdict: Likeness) -> None:
    found = parity(production, Gathered(PRODUCTION, {}))

    assert found.verdict is verdict
    assert {row.reason for row in found.rows if row.verdict is UNKNOWN} == {"production's file does not tell it"}
