"""The list of playbooks: runs that were left open first, then what fits now, then all; and one of them before it is begun."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perftui.pipeline.playbook.desk import DeskView
from perftui.pipeline.playbook.listing import Left, Listing, Offer
from perftui.playbooks.document import Effect
from perftui.playbooks.plan import PlannedStep
from perftui.views.layout import wrapped
from perftui.views.model import Column, Line, Role, Row, Table, TableState, Zoom, text

TITLE = "Playbooks"
RUN, PLAYBOOK = "run:", "playbook:"
"""Before a row's name: what it stands for."""
EFFECTS = {
    Effect.READ: "it only reads",
    Effect.UNKNOWN: "it runs commands that are not declared as harmless: each is confirmed with a key",
    Effect.CHANGE: "it has steps that change something: each is shown first and confirmed by typing",
}


def picker(view: DeskView | None, state: TableState, width: int) -> Zoom:
    """The list."""
    if view is None or view.listing is None:
        return Zoom(title=TITLE, lines=(text("reading the playbooks…", Role.DIM),))
    found, wanted = view.listing, state.filter.lower()
    rows = [*map(_left_row, found.left), *map(_offer_row, found.offers)]
    shown = tuple(row for row in rows if wanted in " ".join(words for words, _ in row.cells).lower())
    names = max((len(row.cells[1][0]) for row in rows), default=8)
    return Zoom(
        title=TITLE,
        lines=tuple(_above(view, found, width)),
        table=Table(
            columns=(
                Column(name="", width=1),
                Column(name="playbook", width=min(names, max(12, width // 3))),
                Column(name="why, or what it is for", width=0),
            ),
            rows=shown,
            empty=f"nothing matches {state.filter!r}" if wanted else "there is no playbook here",
        ),
    )


def _above(view: DeskView, found: Listing, width: int) -> Iterator[Line]:
    words = view.locked or "Enter shows what one does before anything of it is begun"
    yield from wrapped(words, width, Role.WARNING if view.locked else Role.DIM)
    for reason in found.reasons:
        yield from wrapped(f"△ not trusted, left out: {reason}", width, Role.WARNING)


def _left_row(left: Left) -> Row:
    words, role = left_words(left), Role.TEXT
    if left.trouble:
        words, role = f"{words} · {left.trouble}", Role.DIM
    return Row(key=f"{RUN}{left.name}", cells=(("‖", Role.ACCENT), (left.playbook, Role.STRONG), (words, role)))


def left_words(left: Left) -> str:
    """`left open at 10:42 by ann · step 5 of 12: Pick a session`."""
    place = f" · step {left.place} of {left.of}: {left.step}" if left.place else " · at its end"
    return f"left open at {left.left_at[11:16]}Z by {left.user}{place if left.of else ''}"


def _offer_row(offer: Offer) -> Row:
    sign, words, role = ("", Role.DIM), offer.title, Role.TEXT
    if offer.trouble:
        sign, words, role = ("△", Role.WARNING), f"can't be used: {offer.trouble}", Role.DIM
    elif offer.reason:
        sign, words = ("●", Role.ACCENT), f"fits now: {offer.reason}"
    return Row(key=f"{PLAYBOOK}{offer.id}", cells=(sign, (offer.id, Role.STRONG), (words, role)))


def detail(view: DeskView | None, row: str, width: int) -> tuple[Line, ...]:
    """What the list has no room for of its chosen row."""
    offer, left = chosen_offer(view, row), chosen_left(view, row)
    if left is not None:
        return (*wrapped(left_words(left), width), *wrapped(left.trouble or "Enter goes on with it", width, Role.DIM))
    if offer is None:
        return ()
    facts = [offer.review, "" if offer.origin == "shipped" else offer.origin]
    missing = f"△ {len(offer.missing)} of the things it needs are missing: Enter tells them" if offer.missing else ""
    return (
        *wrapped(offer.trouble or offer.summary or offer.title, width)[:2],
        ((" · ".join(filter(None, facts)), Role.DIM), ("  " if missing else "", Role.DIM), (missing, Role.WARNING)),
    )


def first_row(view: DeskView) -> str:
    """Where the cursor stands at first; empty while the list is not read."""
    if view.listing is None:
        return ""
    rows = [*(f"{RUN}{each.name}" for each in view.listing.left), *(f"{PLAYBOOK}{o.id}" for o in view.listing.offers)]
    return rows[0] if rows else ""


def chosen_offer(view: DeskView | None, row: str) -> Offer | None:
    offers: Sequence[Offer] = view.listing.offers if view is not None and view.listing is not None else ()
    return next((each for each in offers if f"{PLAYBOOK}{each.id}" == row), None)


def chosen_left(view: DeskView | None, row: str) -> Left | None:
    left: Sequence[Left] = view.listing.left if view is not None and view.listing is not None else ()
    return next((each for each in left if f"{RUN}{each.name}" == row), None)


def last_look(view: DeskView, offer: Offer, width: int) -> Zoom:
    """One playbook before it is begun: what it may do, what it will miss, what it asks for, its steps."""
    lines: list[Line] = []
    if view.locked:
        lines += wrapped(view.locked, width, Role.WARNING)
    elif offer.trouble:
        lines += wrapped(f"△ can't be used: {offer.trouble}", width, Role.WARNING)
    else:
        lines.append((("Enter", Role.ACCENT), (" begins it · ", Role.DIM), ("Esc", Role.ACCENT), (" back", Role.DIM)))
    lines += wrapped(offer.summary, width)
    if offer.reason:
        lines += wrapped(f"fits now: {offer.reason}", width, Role.ACCENT)
    lines += _effect(offer, view.changes_allowed, width)
    for words in offer.missing:
        lines += wrapped(f"△ {words}", width, Role.WARNING)
    lines += _listed("asks you for", offer.asks, width)
    lines += _listed("may lead to", offer.uses, width)
    lines += _listed("mitigate first", offer.mitigate, width)
    lines.append(text("steps", Role.TITLE))
    lines += [line for number, step in enumerate(offer.steps, 1) for line in _step(step, f"{number:>2}", width)]
    lines += wrapped(" · ".join(filter(None, (offer.review, offer.origin))), width, Role.DIM)
    return Zoom(title=f"Playbook {offer.id} · {offer.title}", lines=tuple(lines))


def _effect(offer: Offer, changes_allowed: bool, width: int) -> Iterator[Line]:
    words = EFFECTS[offer.effect]
    if offer.effect is Effect.READ and offer.uses:
        words = "its own steps only read; changes of the playbooks that it leads to are each confirmed"
    if offer.effect is Effect.CHANGE and not changes_allowed:
        words += "; they are locked until you type this host's name"
    yield from wrapped(words, width, Role.GOOD if offer.effect is Effect.READ else Role.WARNING)


def _listed(name: str, items: Sequence[str], width: int) -> Iterator[Line]:
    if items:
        yield text(name, Role.TITLE)
        for item in items:
            yield from _hanging("· ", item, width)


def _hanging(sign: str, words: str, width: int, role: Role = Role.TEXT) -> Iterator[Line]:
    first, *rest = wrapped(words, width - len(sign) - 2, role) or (text("", role),)
    yield ((f"  {sign}", Role.DIM), *first)
    for line in rest:
        yield ((" " * (len(sign) + 2), Role.DIM), *line)


def _step(step: PlannedStep, number: str, width: int, depth: int = 0) -> Iterator[Line]:
    sign = {Effect.CHANGE: "▲ changes", Effect.UNKNOWN: "△ not declared"}.get(step.effect, "")
    words = f"{step.title} ({step.kind})" + (f"  {sign}" if sign else "")
    yield from _hanging(f"{'   ' * depth}{number} ", words, width, Role.WARNING if sign else Role.TEXT)
    for inner in step.steps:
        yield from _step(inner, " ·", width, depth + 1)
