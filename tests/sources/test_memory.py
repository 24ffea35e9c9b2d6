from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perftui.model.failure import FailureKind, SourceError
from perftui.sources.memory import available_bytes, classes, derive, parse_memory

MEMINFO = b"""MemTotal:       1000000 kB
MemFree:         200000 kB
MemAvailable:    600000 kB
Buffers:          10000 kB
Cached:          300000 kB
SwapCached:           0 kB
Dirty:             1000 kB
Writeback:          500 kB
AnonPages:       250000 kB
Shmem:            20000 kB
SReclaimable:     30000 kB
SUnreclaim:       20000 kB
KernelStack:       2000 kB
PageTables:        3000 kB
SwapTotal:       500000 kB
SwapFree:        400000 kB
HugePages_Total:      2
Hugepagesize:      2048 kB
"""
KB = 1024


def test_classes_of_a_known_machine() -> None:
    reading = derive(None, parse_memory(MEMINFO, b"", 1.0)).memory
    assert reading.used_ratio == pytest.approx(0.4)
    assert msgspec.structs.asdict(reading.classes) == {
        "anonymous_bytes": 250_000 * KB,
        "file_cache_bytes": (310_000 - 20_000 - 1_500) * KB,
        "dirty_bytes": 1_500 * KB,
        "shared_bytes": 20_000 * KB,
        "slab_reclaimable_bytes": 30_000 * KB,
        "slab_unreclaimable_bytes": 20_000 * KB,
        "page_tables_bytes": 3_000 * KB,
        "kernel_stack_bytes": 2_000 * KB,
        "huge_pages_bytes": 4_096 * KB,
        "other_bytes": (1_000_000 - 200_000 - 250_000 - 290_000 - 20_000 - 50_000 - 5_000 - 4_096) * KB,
        "free_bytes": 200_000 * KB,
    }


amounts = st.integers(0, 1 << 20).map(lambda pages: pages * 4096)
fields = st.sampled_from(
    [
        "MemFree", "MemAvailable", "Buffers", "Cached", "AnonPages", "Shmem", "Dirty", "Writeback", "SReclaimable",
        "SUnreclaim", "KernelStack", "PageTables", "SecPageTables", "Hugetlb",
    ]
)  # fmt: skip


@given(st.dictionaries(fields, amounts), st.integers(1, 1 << 22))
def test_every_byte_is_in_exactly_one_class(parts: dict[str, int], pages: int) -> None:
    """Whatever the counters say: those of a consistent file, and those that name more than there is."""
    total = max(pages * 4096, sum(parts.get(name, 0) for name in ("SReclaimable", "SUnreclaim", "Shmem", "KernelStack",
                "PageTables", "SecPageTables", "Hugetlb", "Dirty", "Writeback")))  # fmt: skip
    meminfo = {"MemTotal": total, **parts}
    found = msgspec.structs.asdict(classes(meminfo))
    assert sum(found.values()) == total
    assert min(found.values()) >= 0
    assert 0 <= available_bytes(meminfo) <= max(total, parts.get("MemAvailable", 0))


def test_a_kernel_before_3_14_has_an_estimate_of_what_is_available() -> None:
    old = b"\n".join(line for line in MEMINFO.splitlines() if not line.startswith(b"MemAvailable"))
    assert (
        derive(None, parse_memory(old, b"", 1.0)).memory.available_bytes == (200_000 + 310_000 - 20_000 + 30_000) * KB
    )


@pytest.mark.parametrize(
    ("before", "after", "seconds", "rate"),
    [
        (b"pswpin 100", b"pswpin 300", 2.0, 100 * 4096.0),
        (b"pswpin 300", b"pswpin 100", 2.0, None),
        (b"", b"pswpin 300", 2.0, None),
        (b"pswpin 100", b"", 2.0, None),
        (b"pswpin 100", b"pswpin 300", 0.0, None),
    ],
    ids=["grew", "reset", "new", "gone", "no time"],
)
def test_swap_rates(before: bytes, after: bytes, seconds: float, rate: float | None) -> None:
    first, second = parse_memory(MEMINFO, before, 1.0), parse_memory(MEMINFO, after, 1.0 + seconds)
    swap = derive(first, second).swap
    assert swap.in_bytes_per_s == rate
    assert swap.used_bytes == 100_000 * KB


def test_old_counters_of_reclaim_are_unknown_not_zero() -> None:
    first, second = (parse_memory(MEMINFO, b"pgscan_kswapd_normal 5", mono) for mono in (1.0, 2.0))
    assert derive(first, second).memory.reclaim_bytes_per_s is None


def test_a_file_without_the_total_says_so() -> None:
    with pytest.raises(SourceError, match="MemTotal") as caught:
        parse_memory(b"MemFree: 5 kB\n", b"", 1.0)
    assert caught.value.kind is FailureKind.MALFORMED
