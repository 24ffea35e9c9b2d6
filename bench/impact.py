"""How often the placebo rank errs: false alarms and power on simulated series, as docs/decisions tells them.

`python -m bench.impact [RUNS]` prints the table.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from math import exp, sqrt

from perftui.history.impact import Change, Impact, shift

TICKS, CHANGED_AT = 3600, 2900
STEPS = (0.0, 0.3, 0.5, 1.0)
NOISES = ((0.0, 0.25), (0.5, 0.25), (0.9, 0.25), (0.97, 0.25), (0.99, 0.15), (0.99, 0.25))
"""(autocorrelation from one second to the next, standard deviation of the logarithm)."""
PLACES = ((CHANGED_AT, TICKS), (1740, 2200), (1100, TICKS))
"""(second of the change, last second that is known): much before it, little before it, long ago."""
WALLS = tuple(float(tick) for tick in range(TICKS))


def series(correlation: float, sigma: float, step: float, seed: int, changed_at: int = CHANGED_AT) -> tuple[float, ...]:
    """An hour of a latency at 1 Hz: log-normal and autocorrelated around 100 ms, higher by `step` from the change on."""
    rng = random.Random(seed)
    innovation = sigma * sqrt(1 - correlation * correlation)

    def values() -> Iterator[float]:
        state = rng.gauss(0, sigma)
        for tick in range(TICKS):
            state = correlation * state + rng.gauss(0, innovation)
            yield 0.1 * exp(state) * (1 + step if tick >= changed_at else 1)

    return tuple(values())


def told(correlation: float, sigma: float, step: float, runs: int, place: tuple[int, int] = PLACES[0]) -> float:
    """The share of runs in which a shift was told."""
    changed_at, end = place
    change = Change(changed_at, changed_at)
    hits = 0
    for run in range(runs):
        values = series(correlation, sigma, step, run * 1000 + int(correlation * 100), changed_at)
        hits += shift(WALLS[:end], values[:end], change, (), 0.001, 0.05).impact is Impact.SHIFTED
    return hits / runs


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print(f"{runs} series each; share in which a shift is told")
    for place in PLACES:
        print(f"{place[0] / 60:.0f} min before the change, {(place[1] - place[0]) / 60:.0f} min after it")
        print("correlation  noise   no change" + "".join(f"   +{step:.0%}".rjust(9) for step in STEPS[1:]))
        for correlation, sigma in NOISES:
            none, *shares = [told(correlation, sigma, step, runs, place) for step in STEPS]
            print(f"{correlation:<11}  {sigma:<6} {none:>10.3f}" + "".join(f"{share:>9.2f}" for share in shares))


if __name__ == "__main__":
    main()
