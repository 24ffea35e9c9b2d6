"""Makes the console's desk of playbooks when the operator first asks for the list: what it imports must not slow the start."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from perftui.pipeline.playbook.board import SnapshotBoard

if TYPE_CHECKING:
    from perftui.clients.pg_control import PgControl
    from perftui.pipeline.playbook.desk import Desk, DeskView


class DeskMaker:
    """Makes the desk when it is first wanted, and closes it if there is one."""

    def __init__(
        self,
        control: PgControl | None,
        board: SnapshotBoard,
        call: Callable[[Callable[[], None]], None] | None,
        changes_allowed: bool = False,
        baseline: str = "",
    ) -> None:
        self._control, self._board, self._call = control, board, call
        self._changes_allowed = changes_allowed
        self._baseline = baseline
        self._desk: Desk | None = None

    def __call__(self, told: Callable[[DeskView], None]) -> Desk:
        from perftui.commands.playbook_office import FolderOffice
        from perftui.pipeline.playbook.desk import Desk

        office = FolderOffice(self._control, baseline=self._baseline)
        self._desk = Desk(office, self._board, told, self._call, self._changes_allowed)
        return self._desk

    async def aclose(self) -> None:
        if self._desk is not None:
            await self._desk.aclose()
