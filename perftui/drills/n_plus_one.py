"""The shop asks for the items of an order one at a time."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.shop import Habit
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint


@contextlib.asynccontextmanager
async def one_by_one(stage: Stage) -> AsyncIterator[None]:
    stage.become(Habit.ONE_BY_ONE)
    try:
        yield
    finally:
        stage.become(Habit.PLAIN)


DRILL = Drill(
    name="n-plus-one",
    title="a page asks the database once for each of its rows",
    fault=one_by_one,
    constraints=(Constraint.QUERY_BOUND,),
    rules=("pg.n_plus_one",),
    needs=(needs.postgres,),
    symptom=Symptom("postgres.statements.calls_per_s", 300.0),
    within_s=15.0,
    why="statements are read every 5 s, and a whole interval must hold it",
    remedies=("fetch the rows in one statement", "roll the release back"),
)
