"""Tapes of drills: the chain from the cause to what users see."""

from __future__ import annotations

from pathlib import Path

from perftui.model.finding import Constraint
from perftui.pipeline.loop import Judge, new_store
from perftui.recording.reader import Tape

TAPES = Path(__file__).parent.parent / "tapes"


def test_a_forgotten_transaction_is_at_the_top_of_all_that_follows_from_it() -> None:
    tape = Tape(TAPES / "drill-lock-chain.ptape")
    judge, store = Judge(machine=tape.machine), new_store()
    seen = [judge.snapshot(store.push(frame)) for frame in tape.frames()]

    said = seen[-1].verdict
    assert said.constraint is Constraint.LOCK_BOUND
    assert said.chain == ("pg.idle_in_transaction", "pg.lock_pileup", "pool.exhausted", "probe.failing")
    locked = [each.verdict.finding for each in seen if each.verdict.constraint is Constraint.LOCK_BOUND]
    assert set(locked) == {"pg.idle_in_transaction"}, "a crowd that has just formed is not told as another thing first"
