"""Deploys and marks of a JSONL file: the adapter for every tool, and what `perftui mark` writes.

One JSON object a line: the fields of `Deploy` (`at`, `service` and what else is known), `{"at": …, "text": …}` for a mark,
or a CDEvent, bare or in a CloudEvent. Fields that are not known here are skipped.
"""

from __future__ import annotations

import hashlib
from datetime import tzinfo

import msgspec

from perftui.model.failure import FailureKind, SourceError
from perftui.model.frame import Mark
from perftui.sources.cdevents import Ignored, cdevent
from perftui.sources.deploy import Deploy, DeployKind, DeployStatus
from perftui.sources.deploy_places import LogFile, PlaceRead
from perftui.sources.deploy_text import told
from perftui.sources.local_time import local_moment

SOURCE = "file"
INTERVAL_S = 1.0
"""A mark made by the command stands on the charts of a running console within a tick or two; looking costs one stat."""
_MILLISECONDS = 1e11
"""Epoch seconds above this lie in the year 5138, so that such a number counts milliseconds."""

Text = str | int | float | None


class DeployLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the file. Versions and environments may be numbers."""

    at: str | int | float
    at_end: str | int | float | None = None
    precision_s: float | None = None
    service: Text = None
    version: Text = None
    previous: Text = None
    who: Text = None
    source: Text = None
    kind: str | None = None
    status: str | None = None
    env: Text = None
    url: Text = None
    detail: Text = None
    text: Text = None
    """What a mark says; for a deploy it goes to the detail."""
    id: Text = None


_lines = msgspec.json.Decoder()


class DeployFile:
    """A JSONL file, by custom `deploys.jsonl` in the state folder."""

    def __init__(self, log: LogFile, zone: tzinfo, *, named: bool) -> None:
        """Read nothing yet.

        Args:
            zone: of moments in the file that name none.
            named: the config names the file, so it has to be there.
        """
        self.name = log.path
        self.named = named
        self._log = log
        self._zone = zone
        self._known: dict[str, Deploy | Mark] = {}
        self._troubles: list[str] = []
        self._cut = False

    def read(self, now_at: float, since_at: float) -> PlaceRead:
        """All that the file tells.

        Raises:
            SourceError: it is there and can't be read, or it is named and not there.
        """
        try:
            new = self._log.new(since_at)
        except SourceError as exc:
            if exc.kind is not FailureKind.MISSING or self.named:
                raise
            return PlaceRead(())  # nobody has marked anything here yet
        if new is not None:
            if new.anew:
                self._known, self._troubles, self._cut = {}, [], new.cut
            for number, line in new.lines:
                self._take(number, line, now_at)
            self._known = {key: told for key, told in self._known.items() if told.at >= since_at}
        deploys = [told for told in self._known.values() if isinstance(told, Deploy)]
        moments = [told.at for told in self._known.values()]
        return PlaceRead(
            deploys,
            since_at=min(moments, default=now_at) if self._cut else None,
            trouble=_troubles(self._troubles),
            marks=[told for told in self._known.values() if isinstance(told, Mark)],
        )

    def _take(self, number: int | None, line: bytes, now_at: float) -> None:
        if not line.strip():
            return
        try:
            key, told = parse_line(line, now_at, self._zone)
        except Ignored:
            return
        except ValueError as exc:
            self._troubles.append(f"{'a line' if number is None else f'line {number}'}: {exc}; it is skipped")
        else:
            self._known.pop(key, None)  # the newest line about a change stands last
            self._known[key] = told


def _troubles(found: list[str]) -> str:
    if not found:
        return ""
    others = len(found) - 1
    return f"{found[-1]} (and {others} more)" if others else found[-1]


def parse_line(line: bytes, now_at: float, zone: tzinfo) -> tuple[str, Deploy | Mark]:
    """What a line tells, with a key that is the same when the line stands there again.

    Raises:
        Ignored: an event that tells of no deploy.
        ValueError: no JSON object, a field of a wrong kind, no moment; in words.
    """
    try:
        given = _lines.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ValueError(f"no JSON ({_lower(str(exc))})") from None
    if not isinstance(given, dict):
        raise ValueError("expected a JSON object with at and service, or at and text")
    own = f"{SOURCE}:{hashlib.blake2b(line.strip(), digest_size=8).hexdigest()}"
    event = cdevent(given, own, now_at)
    if event is not None:
        return event.id, event
    try:
        read = msgspec.convert(given, DeployLine)
    except msgspec.ValidationError as exc:
        message, _, place = str(exc).replace("`", "").partition(" - at $.")
        raise ValueError(f"{place}: {_lower(message)}" if place else _lower(message)) from None
    service = _word(read.service, 100)
    if service is None:
        words = _word(read.text, 200) or _word(read.detail, 200)
        if words is None or read.kind not in (None, "mark"):
            raise ValueError("neither service nor text; expected one of them")
        return own, Mark(at=_moment("at", read.at, zone)[0], text=words)
    return _deploy(read, service, own, now_at, zone)


def _deploy(read: DeployLine, service: str, own: str, now_at: float, zone: tzinfo) -> tuple[str, Deploy]:
    at, precision_s = _moment("at", read.at, zone)
    source = _word(read.source, 40) or SOURCE
    given_id = _word(read.id, 100)
    deploy = Deploy(
        id=f"{source}:{given_id}" if given_id else own,
        at=at,
        at_end=None if read.at_end is None else _moment("at_end", read.at_end, zone)[0],
        precision_s=precision_s if read.precision_s is None else abs(read.precision_s),
        service=service,
        version=_word(read.version, 100),
        previous=_word(read.previous, 100),
        who=_word(read.who, 60),
        source=source,
        kind=DeployKind(_one_of("kind", read.kind, DeployKind) or DeployKind.DEPLOY),
        status=DeployStatus(_one_of("status", read.status, DeployStatus) or DeployStatus.UNKNOWN),
        env=_word(read.env, 60),
        url=_word(read.url, 300),
        detail=_word(read.detail, 300) or _word(read.text, 300),
        seen_at=now_at,
    )
    # Lines that go on with one change (started, then succeeded) are put together by `merged`, so each is kept.
    return f"{deploy.id}:{deploy.status}", deploy


def _one_of(field: str, given: str | None, known: type[DeployKind] | type[DeployStatus]) -> str | None:
    if given is None or given in set(known):
        return given
    shown = told(given, 30) or ""
    raise ValueError(f"{field}: {shown!r} is none of {', '.join(known)}")


def _moment(field: str, given: str | int | float, zone: tzinfo) -> tuple[float, float]:
    """(wall clock, how far it may be off) of ISO 8601 or of seconds or milliseconds since 1970."""
    if isinstance(given, str):
        try:
            return local_moment(given, zone)
        except (ValueError, OverflowError):
            shown = told(given, 40) or ""
            raise ValueError(f"{field}: {shown!r} is no moment; expected 2026-02-11T10:37:12Z") from None
    seconds = given / 1000 if given > _MILLISECONDS else float(given)
    if not 0 < seconds < _MILLISECONDS:
        raise ValueError(f"{field}: {given:g} is no moment; expected seconds since 1970")
    return seconds, 1.0


def _word(given: Text, limit: int) -> str | None:
    if isinstance(given, float):
        given = f"{given:g}"
    return None if given is None else told(str(given), limit)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
