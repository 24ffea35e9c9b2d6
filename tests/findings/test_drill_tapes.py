"""Tapes of drills: the chain from the cause to what users see. Each one's verdict stands in `test_tape_variants.py`."""

from __future__ import annotations

from perftui.model.finding import Constraint
from tests.findings.tapes import play, told
from tests.findings.test_pg_tapes import HOST


def test_a_forgotten_transaction_is_at_the_top_of_all_that_follows_from_it() -> None:
    seen = play("drill-lock-chain")

    said = seen[-1].verdict
    assert said.constraint is Constraint.LOCK_BOUND
    assert said.chain == ("pg.idle_in_transaction", "pg.lock_pileup", "pool.exhausted", "probe.failing")
    locked = [each.verdict.finding for each in seen if each.verdict.constraint is Constraint.LOCK_BOUND]
    assert set(locked) == {"pg.idle_in_transaction"}, "a crowd that has just formed is not told as another thing first"


def test_a_busy_shop_is_healthy() -> None:
    assert told(play("drill-healthy")) - HOST == set()
