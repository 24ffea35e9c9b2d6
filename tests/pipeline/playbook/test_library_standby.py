"""What `db-replication-lag` asks and does, on a real primary and its standby."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perftui.playbooks.document import Do
from perftui.playbooks.load import load, walk
from perftui.playbooks.steps.sql import Sql, numbered
from perftui.playbooks.trust import shipped_folder
from tests.clients.pair import Pair, pair
from tests.servers import dsn, until
from tests.sources.test_pg_replication import Pair as Servers
from tests.sources.test_pg_replication import pair as servers

__all__ = ["servers"]
STEPS = {str(step.id): step for _, step in walk(load(shipped_folder() / "db-replication-lag.yaml").playbook)}


async def asked(both: Pair, do: Do, *, changes: bool = False) -> list[Mapping[str, Any]]:
    assert isinstance(do, Sql)
    answer = await both.control.query(numbered(do.statement)[0], (), read_only=not changes)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


async def test_replay_that_somebody_paused_is_found_and_goes_on(servers: Servers) -> None:
    resume = STEPS["resume"]
    assert resume.undo is not None
    async with pair(dsn(servers.primary)) as primary, pair(dsn(servers.standby)) as standby:

        async def itself() -> tuple[Any, ...]:
            (own,) = await asked(standby, STEPS["itself"].do)
            return own["follows"], own["paused"], own["receivers"]

        async def is_so(*wanted: int) -> bool:
            return await itself() == wanted

        await until(lambda: is_so(1, 0, 1))
        await asked(standby, resume.undo.do, changes=True)
        await until(lambda: is_so(1, 1, 1))
        await asked(standby, resume.do, changes=True)
        await until(lambda: is_so(1, 0, 1))

        (replica,) = await asked(primary, STEPS["replicas"].do)
        (slot,) = await asked(primary, STEPS["slots"].do)
        (at_primary,) = await asked(primary, STEPS["itself"].do)

    assert (replica["application_name"], replica["state"]) == ("s1", "streaming")
    assert replica["lag_bytes"] == replica["unsent_bytes"] + replica["unwritten_bytes"] + replica["unreplayed_bytes"]
    assert (slot["slot"], slot["active"], slot["endangered"], slot["abandoned_bytes"]) == ("s1", True, 0, 0)
    assert (at_primary["follows"], at_primary["unreplayed_bytes"]) == (0, None)
