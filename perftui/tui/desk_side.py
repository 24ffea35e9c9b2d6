"""The screen's end of the desk of playbooks: made in a thread when it is first wanted, and followed from then on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from perftui.pipeline.snapshot import Snapshot

if TYPE_CHECKING:
    from perftui.pipeline.playbook.desk import Desk, DeskView, Sitting
    from perftui.tui.run_keys import Told

MakeDesk = Callable[[Callable[["DeskView"], None]], "Desk"]


class DeskSide:
    """Holds what the desk last said."""

    def __init__(
        self, make: MakeDesk | None, on_ui: Callable[[Callable[[], None]], None], changed: Callable[[], None]
    ) -> None:
        """
        Args:
            make: None where there are no playbooks.
            on_ui: has a function run on the UI loop.
            changed: called there when there is something new.
        """
        self._make, self._on_ui, self._changed = make, on_ui, changed
        self._desk: Desk | None = None
        self._newest: DeskView | None = None
        self._called = False
        self._making = False
        self._copied = ""
        self.view: DeskView | None = None

    @property
    def there(self) -> bool:
        return self._make is not None

    @property
    def sitting(self) -> Sitting | None:
        return self.view.sitting if self.view is not None else None

    @property
    def running(self) -> bool:
        """A run is open here that has not come to its end."""
        return self.sitting is not None and not self.sitting.ended

    def new_page(self) -> str:
        """The hand-off page, the first time that it is asked for; then empty until there is another."""
        page = self.view.page if self.view is not None else ""
        copied, self._copied = self._copied, page
        return page if page != copied else ""

    def look(self, snapshot: Snapshot | None) -> None:
        """Read the list anew, against this snapshot."""
        if self._desk is not None:
            self._desk.look(snapshot)
        elif not self._making and self._make is not None:
            self._making = True
            threading.Thread(target=self._first_look, args=(self._make, snapshot), daemon=True).start()

    def _first_look(self, make: MakeDesk, snapshot: Snapshot | None) -> None:
        try:
            # What they import takes longer than a frame may.
            import perftui.tui.run_keys
            import perftui.views.playbook_run
            import perftui.views.playbooks  # noqa: F401

            self._desk = make(self._told)
            self._desk.look(snapshot)
        except Exception as exc:
            self._on_ui(lambda fault=exc: _raise(fault))  # type: ignore[misc]

    def _told(self, view: DeskView) -> None:
        """From any thread; one that was not taken yet is replaced."""
        self._newest = view
        if not self._called:
            self._called = True
            self._on_ui(self._take)

    def _take(self) -> None:
        self._called = False
        self.view = self._newest
        self._changed()

    def begin(self, playbook: str) -> None:
        if self._desk is not None:
            self._desk.begin(playbook)

    def resume(self, run: str) -> None:
        if self._desk is not None:
            self._desk.resume(run)

    def tell(self, told: Told) -> None:
        """Hand on what the panel's keys came to."""
        from perftui.tui.run_keys import Answered, HandOff, Noted, PutAway, StopWanted, UndoWanted

        if self._desk is None:
            return
        match told:
            case Answered():
                self._desk.answer(told.question, told.reply)
            case Noted():
                self._desk.note(told.text)
            case UndoWanted():
                self._desk.undo(told.key)
            case StopWanted():
                self._desk.stop()
            case HandOff():
                self._desk.hand_off()
            case PutAway():
                self._desk.put_away()


def _raise(fault: Exception) -> None:
    raise fault
