"""Tapes of drills: the chain from the cause to what users see. Each one's verdict stands in `test_tape_variants.py`."""

from __future__ import annotations

import pytest

from perftui.model.finding import Constraint
from tests.findings.tapes import play, played, told
from tests.findings.test_pg_tapes import HOST
from tests.findings.test_tape_variants import VARIANTS


def test_a_forgotten_transaction_is_at_the_top_of_all_that_follows_from_it() -> None:
    seen = play("drill-lock-chain")

    said = seen[-1].verdict
    assert said.constraint is Constraint.LOCK_BOUND
    assert said.chain == ("pg.idle_in_transaction", "pg.lock_pileup", "pool.exhausted", "probe.failing")
    locked = [each.verdict.finding for each in seen if each.verdict.constraint is Constraint.LOCK_BOUND]
    assert set(locked) == {"pg.idle_in_transaction"}, "a crowd that has just formed is not told as another thing first"


def test_beside_full_cpus_who_waits_for_the_disk_is_named_and_not_who_writes_most() -> None:
    shown = [each for snapshot in play("drill-io-saturation") for each in snapshot.findings]
    named = {each.subject.get("process") for each in shown if each.rule == "host.io_saturated"}

    assert named == {"fio"}
    assert "with all CPUs busy" in next(each.title for each in shown if each.rule == "host.io_saturated")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ["drill-healthy", "load-steady"])
def test_a_busy_shop_and_a_steady_load_are_healthy_elsewhere_too(name: str, variant: str) -> None:
    assert told(played(name, VARIANTS[variant])) - HOST == set()
