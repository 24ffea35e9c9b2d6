"""How a reading goes in a fixture: `92%`, `0, 14 at -2m, 0 at end_it`, `40% at -30m to 95% at 10m`."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from perftui.playbooks.complaint import Wrong
from perftui.playbooks.values import NUMBER, SECONDS, UNIT, in_base_unit

Value = float | bool | str | None
_QUANTITY = re.compile(rf"(-?)({NUMBER})({UNIT})?", re.ASCII)
_MOMENT = re.compile(rf"(?:([a-z][a-z0-9_/]*)(?:\+|$))?(?:(-?)({NUMBER})({'|'.join(SECONDS)}))?", re.ASCII)
_RIGHT = "write 92%, or 0, 14 at -2m, 0 at STEP+10s, or 40% at -30m to 95% at 10m; none is not known"


class Moment(msgspec.Struct, frozen=True):
    """Seconds from the run's start, or from the end of a step."""

    step: str
    """Empty: the run's start."""
    seconds: float

    @classmethod
    def parse(cls, text: str) -> Moment:
        found = _MOMENT.fullmatch(text.strip())
        if not found or not text.strip():
            raise Wrong(f"{text!r} is no moment", "write -2m, 30s, STEP or STEP+10s")
        step, sign, number, unit = found.groups()
        seconds = in_base_unit(number, unit) if number else 0.0
        return cls(step or "", -seconds if sign else seconds)


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """From a moment on a value; with an end, even growth to another value until then."""

    since: Moment | None
    """None: ever."""
    value: Value
    until: Moment | None = None
    to: float = 0.0


Ended = Callable[[str], float | None]
"""When a step ended, seconds from the run's start; None before it did."""


class Course(msgspec.Struct, frozen=True):
    """A reading over time. Of several pieces that have begun the last one written holds."""

    pieces: tuple[Piece, ...]
    units: tuple[str, ...] = ()
    """That its values were written in."""

    @classmethod
    def parse(cls, text: str) -> Course:
        units: list[str] = []
        return cls(tuple(_piece(each.strip(), units) for each in text.split(",")), tuple(units))

    def at(self, seconds: float, ended: Ended) -> Value:
        """Its value so long after the run's start; None while it is not known."""
        value: Value = None
        for piece in self.pieces:
            since = _seconds(piece.since, ended)
            if since is None or since > seconds:
                continue
            until = _seconds(piece.until, ended) if piece.until else None
            value = piece.value
            if until is not None and isinstance(value, float):
                value += (piece.to - value) * min(1.0, (seconds - since) / (until - since))
        return value

    @property
    def begins_s(self) -> float:
        """The earliest moment that it speaks of."""
        moments = [piece.since.seconds for piece in self.pieces if piece.since is not None and not piece.since.step]
        return min(moments, default=0.0)


def _piece(text: str, units: list[str]) -> Piece:
    ramp = [_valued(part, units) for part in re.split(r"\s+to\s+", text)]
    if len(ramp) == 1:
        return Piece(since=ramp[0][1], value=ramp[0][0])
    (value, since), (to, until) = ramp[0], ramp[-1]
    if len(ramp) > 2 or since is None or until is None or not isinstance(value, float) or not isinstance(to, float):
        raise Wrong(f"{text!r} is no growth", _RIGHT)
    return Piece(since=since, value=value, until=until, to=to)


def _valued(text: str, units: list[str]) -> tuple[Value, Moment | None]:
    written, _, moment = text.partition(" at ")
    since = Moment.parse(moment) if moment else None
    written = written.strip()
    found = _QUANTITY.fullmatch(written)
    if found:
        if found[3]:
            units.append({"%": "ratio"}.get(found[3], "s" if found[3] in SECONDS else "bytes"))
        number = in_base_unit(found[2], found[3] or "")
        return (-number if found[1] else number), since
    if written in ("true", "false"):
        return written == "true", since
    if not re.fullmatch(r"[A-Za-z][\w -]*", written):
        raise Wrong(f"{text!r} is no value", _RIGHT)
    return (None if written == "none" else written), since


def _seconds(moment: Moment | None, ended: Ended) -> float | None:
    if moment is None:
        return float("-inf")
    if not moment.step:
        return moment.seconds
    at = ended(moment.step)
    return None if at is None else at + moment.seconds


def parts_of(name: str) -> tuple[str, ...]:
    """`host.filesystems["/var"].used_ratio` in its parts, as conditions name it."""
    return tuple(quoted or plain for quoted, plain in re.findall(r'\["([^"]+)"\]|([^.\[\]]+)', name))
