"""What happened to a server, from two looks at it."""

from __future__ import annotations

import msgspec
import pytest

from perftui.sources.pg_life import TOLD_S, Life, ServerChanges, change

BEFORE = Life(started_at=1000.0, served_since_at=1000.1, seen_at=5000.0, standby=False)


def life(**changes: object) -> Life:
    return msgspec.structs.replace(BEFORE, **{"seen_at": 5001.0, **changes})


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (BEFORE, life(), None),
        (BEFORE, life(started_at=5000.5, served_since_at=5000.6), "restarted"),
        (BEFORE, life(started_at=4999.0, served_since_at=4999.1), "failed over"),
        (BEFORE, life(started_at=5000.5, standby=True), "restarted in another role"),
        (BEFORE, life(started_at=900.0, served_since_at=900.0), "failed over"),
        (BEFORE, life(started_at=3000.0, standby=True), "failed over"),
        (BEFORE, life(served_since_at=5000.5), "crashed and recovered"),
        (BEFORE, life(served_since_at=None), None),
        (life(served_since_at=None), life(), None),
        (life(standby=True), life(), "promoted"),
        (BEFORE, life(standby=True), "demoted"),
    ],
)
def test_what_happened(before: Life, now: Life, words: str | None) -> None:
    assert change(before, now) == words


def test_a_change_is_told_for_a_while_and_the_first_look_is_none() -> None:
    changes = ServerChanges()

    assert changes.noticed(BEFORE, 10.0) == (None, None)
    assert changes.noticed(life(started_at=5000.5), 12.0) == ("restarted", 0.0)
    assert changes.noticed(life(started_at=5000.5), 20.0) == ("restarted", 8.0)
    assert changes.noticed(life(started_at=5000.5), 12.5 + TOLD_S) == (None, None)
