"""The readings that conditions may name, with their units: the catalogue's, and those that hold before their layer is there."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from perftui.model.units import unit_of
from perftui.playbooks.complaint import nearest

HELD = """
probe: status_code total_s connect_s tls_s first_byte_s p50_s p95_s p99_s error_ratio certificate_days apdex
slo: p95_s p99_s error_ratio apdex
load: users requests_per_s error_ratio p50_s p95_s p99_s concurrency knee_users
"""
"""Names that hold although a host may have no probes or load test: the worst probe, its targets, the test."""
_TEXTS = {"load": "tool phase"}


class Reading(msgspec.Struct, frozen=True):
    """One name of the catalogue."""

    unit: str
    """As the catalogue has it: ratio, s, bytes, 1/s, bytes/s, s/s, count, counter, UTC, text, yes/no."""
    course: bool
    """Its past is kept, so that it may stand in a window. States, texts and lists have none."""
    words: tuple[str, ...] = ()
    """All the texts it can be, where the catalogue lists them; empty where it can be any."""


def _words(text: str) -> tuple[str, ...]:
    """The states in a catalogue's `stable | suspect (5 %) | leak`."""
    listed = re.search(r"\w+( \([^()]*\))?( \| \w+( \([^()]*\))?)+", text)
    return tuple(each.split()[0] for each in listed[0].split(" | ")) if listed else ()


class Vocabulary:
    """All names; NAME, PATH and KEY in them stand for any key.

    Built from (name, unit, text) of the catalogue's entries.
    """

    def __init__(self, catalogue: Iterable[tuple[str, str, str]]) -> None:
        self._readings: dict[tuple[str, ...], Reading] = {}
        for line in HELD.strip().splitlines():
            root, _, names = line.partition(": ")
            for name in names.split():
                self._readings[root, name] = Reading(unit_of(name), True)
            for name in _TEXTS.get(root, "").split():
                self._readings[root, name] = Reading("text", False)
        self._readings["probe", "up"] = Reading("yes/no", True)
        for name, unit, text in catalogue:
            self._add(tuple(name.split(".")), unit, text)
        self._names = {".".join(parts) for parts in self._readings}

    def _add(self, parts: tuple[str, ...], unit: str, text: str) -> None:
        in_list = next((place for place, part in enumerate(parts) if part.endswith("[]")), None)
        if in_list is not None:
            self._readings[(*parts[:in_list], parts[in_list].removesuffix("[]"))] = Reading("count", False)
            return
        self._readings[parts] = Reading(unit, unit not in ("text", "UTC"), _words(text) if unit == "text" else ())

    def find(self, parts: tuple[str, ...]) -> Reading | None:
        """The reading of a path; None where there is none of that name."""
        known = self._readings.get(parts)
        if known is not None or len(parts) < 3:
            return known
        for place in range(1, len(parts) - 1):
            for key in ("NAME", "PATH", "KEY"):
                known = self._readings.get((*parts[:place], key, *parts[place + 1 :]))
                if known is not None:
                    return known
        return None

    def near(self, name: str) -> str:
        """The names most like one that isn't there."""
        return nearest(name, self._names) or "see `perftui readings`"
