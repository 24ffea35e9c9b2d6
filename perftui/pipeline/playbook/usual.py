"""What was normal: the baselines kept on this host, as the conditions and comparisons of a run see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from perftui.history.baseline import Baseline


def _nowhere(baseline: Baseline) -> None:
    """Of a run that keeps nothing."""


class Usual(msgspec.Struct, frozen=True, kw_only=True):
    """Read when the run begins here, so that all of it is measured against the same."""

    baselines: Mapping[str, Baseline] = {}
    troubles: Mapping[str, str] = {}
    """Name → why it can't be read, in one line."""
    loaded: str = ""
    """Whose values `baseline(m)` and `ratio(m)` give; empty where there is none."""
    named: bool = False
    """The operator named it; otherwise it is the newest of this host."""
    why: str = "no baseline is kept on this host"
    """Why none is loaded."""
    save: Callable[[Baseline], None] = _nowhere
    """Keeps one for other runs. Blocks; raises OSError."""

    @classmethod
    def of(
        cls,
        baselines: Mapping[str, Baseline],
        troubles: Mapping[str, str],
        host: str,
        named: str,
        save: Callable[[Baseline], None],
    ) -> Usual:
        """With the named one loaded, else the newest of this host.

        Args:
            named: by the operator; empty where nobody named one.
        """
        here = [each for each in baselines.values() if each.host == host]
        newest = max(here, key=lambda each: each.last_at, default=None)
        usual = cls(baselines=baselines, troubles=troubles, loaded=newest.name if newest else "", save=save)
        if not named:
            return usual
        why = "" if named in baselines else usual.trouble(named)
        return msgspec.structs.replace(usual, loaded="" if why else named, named=True, why=why)

    def as_begun(self, name: str) -> Usual:
        """With the one that the run began with, unless the operator named another now."""
        return self if self.named or name not in self.baselines else msgspec.structs.replace(self, loaded=name)

    def having(self, baseline: Baseline) -> Usual:
        return msgspec.structs.replace(self, baselines={**self.baselines, baseline.name: baseline})

    def trouble(self, name: str) -> str:
        """Why there is no baseline of that name."""
        return self.troubles.get(name, f"no baseline {name} is kept; perftui baseline list shows those that are")

    def means(self) -> dict[str, float]:
        """By reading, of the one that is loaded."""
        loaded = self.baselines.get(self.loaded)
        return {reading: course.mean for reading, course in loaded.courses.items()} if loaded else {}

    def unknown(self) -> str:
        """Why a reading has no usual value."""
        return f"not in the baseline {self.loaded}" if self.loaded else self.why
