"""What a load test says as a whole, where it is not the knee."""

from __future__ import annotations

import pytest

from perftui.history.load_block import Level, levels
from perftui.history.load_result import little, load_result
from tests.history.load_models import block, course


def late(place: int) -> Level:
    """A generator that never gets beyond 100 requests a second."""
    users = 20.0 * (place + 1)
    return levels([block(place, users, min(100.0, users / 0.6))])[0]


@pytest.mark.parametrize(
    ("by_users", "words"),
    [
        ([], "no level of users"),
        (levels(course([10, 20, 30], servers=2, think_s=0.0)), "= 30 requests under way, the tool tells 30 users: all"),
        (levels(course([10, 20, 30])), "500 ms pass between two requests of a user, with fewer users as well: think"),
        ([late(place) for place in range(12)], "2.3 s pass between two requests of a user, 1.1 s with fewer users"),
        (levels([block(0, 10, 5.0, None)]), "tells no mean time"),
        (levels([block(0, 10, 200.0)]), "more than its users"),
        (levels([block(0, 10, 5.0)]), "which is think time or the generator's delay"),
    ],
    ids=["none", "nobody thinks", "think time", "late generator", "no mean", "several at a time", "one level"],
)
def test_littles_law(by_users: list[Level], words: str) -> None:
    assert words in little(by_users)


def test_a_tool_that_tells_its_own_percentiles_has_none_of_the_whole() -> None:
    told = load_result([block(place, 10 * place + 10, 15.0 * place + 15, None) for place in range(8)])

    assert (told.times.requests, told.times.p95_s, told.times.spread) == (0, None, "unknown")
    assert told.knee.state == "none"
    assert [phase.phase for phase in told.phases] == ["not known"]
