"""Single values of a playbook, as people write them and in base units: `20s`, `64KiB`, `20%`, names and dates."""

from __future__ import annotations

import re
from datetime import date
from typing import ClassVar

import msgspec

from perftui.playbooks.complaint import Wrong

SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
NUMBER_UNITS: dict[str, tuple[float, str]] = {
    "%": (0.01, "ratio"),
    **{unit: (seconds, "s") for unit, seconds in SECONDS.items()},
    **{unit: (float(count), "bytes") for unit, count in BYTES.items()},
}
"""Unit → (factor to the base unit, base unit)."""
NUMBER = r"[0-9]+(?:\.[0-9]+)?"
UNIT = "%|us|ms|s|m|h|d|B|KiB|MiB|GiB|TiB"


def in_base_unit(number: str, unit: str) -> float:
    """A written number in its base unit, without the dust of binary fractions: 20% is 0.2."""
    return float(f"{float(number) * NUMBER_UNITS[unit][0]:.12g}") if unit else float(number)


class Duration(float):
    """Seconds, written `20s`, `250ms`, `2m`, `1h` or `90d`."""

    PATTERN: ClassVar = rf"^{NUMBER}(us|ms|s|m|h|d)$"

    @classmethod
    def parse(cls, text: str) -> Duration:
        found = re.fullmatch(rf"({NUMBER})(us|ms|s|m|h|d)", text, re.ASCII)
        if not found:
            raise Wrong(f"{text!r} is no duration", "write 20s, 250ms, 2m, 1h or 90d")
        return cls(in_base_unit(found[1], found[2]))


class Size(int):
    """Bytes, written `64KiB`."""

    PATTERN: ClassVar = r"^[0-9]+(B|KiB|MiB|GiB|TiB)$"

    @classmethod
    def parse(cls, text: str) -> Size:
        found = re.fullmatch(r"([0-9]+)(B|KiB|MiB|GiB|TiB)", text, re.ASCII)
        if not found:
            raise Wrong(f"{text!r} is no size", "write 64KiB or 1MiB")
        return cls(int(found[1]) * BYTES[found[2]])


class Quantity(msgspec.Struct, frozen=True):
    """A number in base units with the unit it was written in: `20%`, `1000ms`, `512MiB`, `10`."""

    PATTERN: ClassVar = rf"^-?{NUMBER}({UNIT})?$"

    value: float
    unit: str
    """ratio, s, bytes; empty for a bare number."""
    text: str

    @classmethod
    def parse(cls, text: str) -> Quantity:
        found = re.fullmatch(rf"(-?)({NUMBER})({UNIT})?", text, re.ASCII)
        if not found:
            raise Wrong(f"{text!r} is no number", "write 10, 20%, 100ms or 512MiB")
        value = in_base_unit(found[2], found[3] or "")
        return cls(-value if found[1] else value, NUMBER_UNITS[found[3]][1] if found[3] else "", text)


def baseline_name(text: str) -> str:
    """Why a text can't name a baseline; empty where it can."""
    named = re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", text)
    return "" if named else f"{text!r} can't name a baseline: lower-case letters, digits and hyphens do"


class Slug(str):
    """The id of a playbook."""

    PATTERN: ClassVar = r"^[a-z0-9][a-z0-9-]{0,63}$"

    @classmethod
    def parse(cls, text: str) -> Slug:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", text):
            raise Wrong(
                f"{text!r} is no playbook's id", "write lower-case letters, digits and hyphens: db-lock-contention"
            )
        return cls(text)


class StepId(str):
    """The id of a step; stands in conditions, so without hyphens."""

    PATTERN: ClassVar = r"^[a-z][a-z0-9_]{0,63}$"

    @classmethod
    def parse(cls, text: str) -> StepId:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", text):
            raise Wrong(
                f"{text!r} can't be used as a name", "write lower-case letters, digits and underscores: end_session"
            )
        return cls(text)


class EnvName(str):
    """The name of an environment variable that a command may see."""

    PATTERN: ClassVar = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"

    @classmethod
    def parse(cls, text: str) -> EnvName:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", text):
            raise Wrong(f"{text!r} is no environment variable", "write its name alone: KUBECONFIG")
        return cls(text)


class Day(str):
    """A day, as 2026-09-01."""

    PATTERN: ClassVar = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

    @classmethod
    def parse(cls, text: str) -> Day:
        try:
            date.fromisoformat(text)
        except ValueError:
            raise Wrong(f"{text!r} is no day", "write it as 2026-09-01") from None
        return cls(text)


_NESTED = re.compile(r"\((?:[^()\\]|\\.)*(?:[+*]|\{\d*,\d*\})(?:[^()\\]|\\.)*\)(?:[+*]|\{\d*,)")
"""A repeat around a group with a repeat in it: such a pattern can take for ever."""


class Pattern(str):
    """A regular expression that a text must match as a whole."""

    PATTERN: ClassVar = r"^.{1,200}$"

    @classmethod
    def parse(cls, text: str) -> Pattern:
        if not 1 <= len(text) <= 200:
            raise Wrong("the pattern is empty or longer than 200 characters", "write a short one")
        try:
            re.compile(text)
        except (re.error, OverflowError, RecursionError) as exc:
            raise Wrong(f"the pattern can't be read: {exc}", "write a regular expression as in Python") from None
        if _NESTED.search(text):
            raise Wrong(
                "the pattern repeats a repeat and could take for ever", "write [a-z]+(-[a-z]+)? instead of ([a-z]+-?)+"
            )
        return cls(text)


class OnFail(str):
    """What follows a failed step: `stop`, `continue`, `ask` or `goto:ID`."""

    PATTERN: ClassVar = r"^(stop|continue|ask|goto:[a-z][a-z0-9_]*)$"

    @classmethod
    def parse(cls, text: str) -> OnFail:
        if not re.fullmatch(r"stop|continue|ask|goto:[a-z][a-z0-9_]*", text):
            raise Wrong(f"on_fail can't be {text!r}", 'write stop, continue, ask or "goto:STEP"')
        return cls(text)

    @property
    def step(self) -> str | None:
        """Where it goes; None unless it is a goto."""
        word, _, step = self.partition(":")
        return step if word == "goto" else None
