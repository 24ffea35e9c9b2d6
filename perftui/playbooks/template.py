"""Texts with `${vars.x}` in them: read once, filled by whoever knows the values. A value never becomes more text to fill."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from perftui.playbooks.complaint import Wrong

ROOTS = ("vars", "t", "slo", "steps")
_PATH = r"(?:vars|t|slo|steps)(?:\.[A-Za-z_][A-Za-z0-9_]*)+"
_PARTS = re.compile(r"\$(?:\$|\{([^{}]*)\})?")
_MOMENT = re.compile(r"utc:(now|-(?:[0-9]+)(?:s|m|h|d))")


class Reference(str):
    """The path of a value: `vars.victim.pid`, `t.slow_ms`, `steps.limit.lim.reserved`."""

    PATTERN: ClassVar = f"^{_PATH}$"

    @classmethod
    def parse(cls, text: str) -> Reference:
        if not re.fullmatch(_PATH, text, re.ASCII):
            raise Wrong(f"{text!r} names no value", "write vars.NAME, t.NAME or steps.ID.FIELD")
        return cls(text)


class Template(str):
    """A text with `${…}` in it; `$$` is a dollar sign."""

    PATTERN: ClassVar = r"^[^\x00]*$"

    @classmethod
    def parse(cls, text: str) -> Template:
        for found in _PARTS.finditer(text):
            inside = found[1]
            if inside is not None and not _MOMENT.fullmatch(inside):
                try:
                    Reference.parse(inside)
                except Wrong as wrong:
                    raise Wrong(
                        f"${{{inside}}} can't be filled in",
                        "write ${vars.NAME}, ${t.NAME}, ${steps.ID.FIELD}, ${utc:now} or ${utc:-10m}",
                        found.start(),
                    ) from wrong
            elif found[0] == "$" and text[found.end() : found.end() + 1] == "{":
                raise Wrong("${ is not closed", "write ${vars.NAME}; $$ is a dollar sign", found.start())
        return cls(text)

    def parts(self) -> list[tuple[bool, str]]:
        """(is a reference, text) from left to right: literal text, or what stands between `${` and `}`."""
        parts: list[tuple[bool, str]] = []
        end = 0
        for found in _PARTS.finditer(self):
            if found.start() > end:
                parts.append((False, self[end : found.start()]))
            parts.append((True, found[1]) if found[1] is not None else (False, "$"))
            end = found.end()
        if end < len(self):
            parts.append((False, self[end:]))
        return parts

    def references(self) -> list[str]:
        """The paths in it, moments aside."""
        return [text for reference, text in self.parts() if reference and not text.startswith("utc:")]

    def fill(self, value: Callable[[str], str]) -> str:
        """The text with each reference, moments among them, replaced by what `value` gives for it."""
        return "".join(value(text) if reference else text for reference, text in self.parts())


def moment(reference: str) -> float | None:
    """Seconds from now that `utc:now` or `utc:-10m` names, 0 or less; None for any other reference."""
    found = _MOMENT.fullmatch(reference)
    if not found:
        return None
    if found[1] == "now":
        return 0.0
    return -int(found[1][1:-1]) * {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}[found[1][-1]]
