"""A release of the shop that asks for the items of an order one at a time, with the line of the pipeline that rolled it out."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.shop import Habit
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint


@contextlib.asynccontextmanager
async def released(stage: Stage) -> AsyncIterator[None]:
    stage.deployed("2.8.1", "2.8.0")
    stage.become(Habit.ONE_BY_ONE)
    try:
        yield
    finally:
        stage.become(Habit.PLAIN)


DRILL = Drill(
    name="bad-deploy",
    title="a release brings a page that asks the database once for each of its rows",
    fault=released,
    constraints=(Constraint.QUERY_BOUND, Constraint.CHANGE_INDUCED),
    # Whether the deploy moved what users wait for is a matter of many minutes (40 half minutes before it): a drill of
    # a minute sees what the deploy did to the database, and the deploy beside it on the time axis.
    rules=("pg.n_plus_one", "deploy.shifted"),
    needs=(needs.postgres,),
    symptom=Symptom("postgres.statements.calls_per_s", 300.0),
    within_s=15.0,
    why="statements are read every 5 s, and a whole interval must hold it",
    remedies=("roll the release back",),
)
