"""A question before something is ended or run: what would be lost, what must be typed, what came of it. Pure."""

from __future__ import annotations

import textwrap

import msgspec

from perftui.pipeline.actions import EndSession, Explain, LookAt, Reply, Request, StopLoad, Stopped
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_backend import Backend, Outcome, Target, Verb
from perftui.sources.pg_plan import StatementKey
from perftui.tui.draw import box, fit
from perftui.views.findings import evidence_words
from perftui.views.format import clock, since
from perftui.views.load import abort_of
from perftui.views.model import Line, Role
from perftui.views.pg_sessions import SessionSubject, now_words

EXPIRES_S = 60.0
WIDTH = 96
EXPIRED = "the question was open for 60 s: nothing was done"


class Dialog(msgspec.Struct, frozen=True, kw_only=True):
    """One question. It lies over the pane that it was asked from."""

    title: str
    lines: tuple[str, ...]
    """What would be lost."""
    opened_at: float
    """By the frames' clock."""
    request: Request | None = None
    """What a confirmation sends; None where there is nothing to confirm."""
    told_of: Target | None = None
    """The session that it tells about without a question; None where it asks one."""
    wanted: str = ""
    """What must be typed; empty where Enter is enough."""
    now: str = ""
    """What the server says at this moment; empty until it has."""
    outcome: str = ""
    """What came of it; then any key closes."""
    good: bool = False
    working: bool = False

    @property
    def ready(self) -> bool:
        """It can be confirmed: the server has been asked, and nothing is under way."""
        looked = bool(self.now) or not isinstance(self.request, EndSession)
        return self.request is not None and looked and not self.working and not self.outcome


def ending(verb: Verb, subject: SessionSubject, at: float) -> tuple[Dialog, Request | None]:
    """The question before a session is ended, and what to ask the server meanwhile."""
    dialog = Dialog(title=f"{verb.value} {subject.title}", lines=subject.lines, opened_at=at)
    if subject.target is None:
        return dialog, None
    request = EndSession(verb=verb, target=subject.target, name=subject.name)
    wanted = f"terminate {subject.target.pid}" if verb is Verb.TERMINATE else ""
    return msgspec.structs.replace(dialog, request=request, wanted=wanted), LookAt(target=subject.target)


def telling(subject: SessionSubject, at: float) -> tuple[Dialog, Request | None]:
    """All about a session, and what to ask the server for its whole statement."""
    dialog = Dialog(title=subject.title, lines=subject.about or subject.lines, opened_at=at, told_of=subject.target)
    return dialog, LookAt(target=subject.target) if subject.target is not None else None


def running(key: StatementKey, at: float) -> Dialog:
    """The question before a statement is run to be measured."""
    return Dialog(
        title="EXPLAIN ANALYZE",
        lines=(
            "it runs the statement once, for 5 s at most, in a transaction that writes nothing and is rolled back",
            "its reads, its memory and its locks are real",
        ),
        opened_at=at,
        request=Explain(key=key, analyze=True),
        wanted="analyze",
    )


def stopping(command: str, snapshot: Snapshot, at: float) -> Dialog:
    """The question before a load test is ended: what is run, and the evidence for it with its age."""
    return Dialog(
        title="stop the load test",
        lines=(f"runs, without a shell: {command}", *_reasons(snapshot)),
        opened_at=at,
        request=StopLoad(command=command),
        wanted="stop",
    )


def _reasons(snapshot: Snapshot) -> list[str]:
    abort, seen = abort_of(snapshot), f"as of {clock(snapshot.at)}"
    if abort is None:
        return [f"no limit of the test is exceeded, {seen}: it is yours to decide"]
    moment = since(abort.since_at, abort.began_before, snapshot.at)
    reasons = [f"{abort.title} ({moment}, {seen})", *map(evidence_words, abort.evidence)]
    held_back = snapshot.verdict.finding not in (None, abort.rule)
    return [*reasons, f"what holds it back: {snapshot.verdict.summary}"] if held_back else reasons


def answered(dialog: Dialog, reply: Reply) -> Dialog:
    """The dialog after what the server said of the session, or what came of ending it."""
    request, answer = dialog.request, reply.answer
    if dialog.told_of is not None:
        return _told_whole(dialog, reply)
    if isinstance(request, StopLoad) and isinstance(reply.answer, Stopped):
        return msgspec.structs.replace(dialog, outcome=reply.answer.words, good=reply.answer.worked, working=False)
    if not isinstance(request, EndSession) or not isinstance(reply.request, (LookAt, EndSession)):
        return dialog
    if reply.request.target != request.target:
        return dialog
    if isinstance(reply.request, EndSession):
        good = isinstance(answer, Outcome) and answer.worked
        words = answer.words if isinstance(answer, Outcome) else reply.problem
        return msgspec.structs.replace(dialog, outcome=words, good=good, working=False)
    if reply.problem:
        return msgspec.structs.replace(dialog, outcome=reply.problem)
    if not isinstance(answer, Backend):
        return msgspec.structs.replace(
            dialog, outcome="it is gone already, or its pid belongs to another session by now"
        )
    if request.verb is Verb.CANCEL and answer.state != "active":
        words = f"{now_words(answer)}: no statement runs that could be cancelled; k terminates the session"
        return msgspec.structs.replace(dialog, outcome=words)
    if not answer.protected:
        return msgspec.structs.replace(dialog, now=now_words(answer))
    return msgspec.structs.replace(
        dialog,
        now=f"{now_words(answer)}; {answer.protected}",
        request=msgspec.structs.replace(request, override=True),
        wanted=f"{request.verb} {request.target.pid} anyway",
    )


def _told_whole(dialog: Dialog, reply: Reply) -> Dialog:
    """With the whole statement in the place of its beginning, while it is the same session."""
    if not isinstance(reply.request, LookAt) or reply.request.target != dialog.told_of:
        return dialog
    if reply.problem:
        return msgspec.structs.replace(dialog, now=reply.problem)
    if not isinstance(reply.answer, Backend):
        return msgspec.structs.replace(dialog, now="now: it is gone")
    label = "statement" if reply.answer.state == "active" else "last statement"
    whole = (f"{label}: {reply.answer.query}",) if reply.answer.query else dialog.lines[-1:]
    return msgspec.structs.replace(dialog, lines=(*dialog.lines[:-1], *whole), now=now_words(reply.answer))


def expired(dialog: Dialog, at: float) -> bool:
    """Nobody knows by now whether it is still what the operator wants; what is under way, done or only told stays."""
    asks = dialog.request is not None and not dialog.working and not dialog.outcome
    return asks and at - dialog.opened_at >= EXPIRES_S


def dialog_lines(dialog: Dialog, typed: str, width: int, height: int) -> list[Line]:
    """A box of that width; as high as it must be, at most `height`."""
    inner = width - 4
    told: list[Line] = [((row, Role.TEXT),) for line in dialog.lines for row in textwrap.wrap(line, inner)]
    told += [((row, Role.STRONG),) for row in textwrap.wrap(dialog.now, inner)]
    asked = _asked(dialog, typed, inner)
    room = max(1, height - 2 - len(asked))
    tone = Role.GOOD if dialog.good else Role.WARNING if dialog.outcome or dialog.told_of else Role.CRITICAL
    return box(
        [(dialog.title, Role.STRONG)],
        [*told[:room], *asked],
        width,
        min(height, len(told[:room]) + len(asked) + 2),
        tone,
    )


def _asked(dialog: Dialog, typed: str, inner: int) -> list[Line]:
    """What must be done now, or what came of it."""
    if dialog.outcome:
        role = Role.GOOD if dialog.good else Role.WARNING
        rows: list[Line] = [((row, role),) for row in textwrap.wrap(dialog.outcome, inner)]
        return [*rows, (("Esc", Role.ACCENT), (" closes", Role.DIM))]
    if dialog.request is None:
        return [(("Esc", Role.ACCENT), (" closes", Role.DIM))]
    if dialog.working:
        return [(("sent; looking what comes of it…", Role.DIM),)]
    if not dialog.ready:
        return [
            (("asking the server what it does now…", Role.DIM),),
            (("Esc", Role.ACCENT), (" leaves it alone", Role.DIM)),
        ]
    leave = (("Esc", Role.ACCENT), (" leaves it alone", Role.DIM))
    if not dialog.wanted:
        return [(("Enter", Role.ACCENT), (" does it · ", Role.DIM), *leave)]
    prompt = (("type ", Role.DIM), (dialog.wanted, Role.STRONG), (" and Enter: ", Role.DIM), (f"{typed}█", Role.ACCENT))
    return [fit(prompt, inner), leave]
