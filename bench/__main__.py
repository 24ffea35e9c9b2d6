"""All benchmarks, one after the other; each can be run alone as `python -m bench.NAME`.

python -m bench [--quick] [--save FILE]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
QUICK = {"cost": ("--quick",), "screen": ("3",), "tape": ("--frames", "7200", "--minutes", "2", "--live", "5")}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="what perftui costs, beside htop, btop and glances"
    )
    parser.add_argument("--quick", action="store_true", help="short rounds: about 3 min")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write what is printed to a file as well")
    args = parser.parse_args()
    told, worst = [], 0
    for name, quick in QUICK.items():
        print(f"== bench.{name}", flush=True)
        command = [sys.executable, "-m", f"bench.{name}", *(quick if args.quick else ())]
        try:
            done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        except KeyboardInterrupt:
            return 130
        print(done.stdout, flush=True)
        told.append(f"== bench.{name}\n{done.stdout}")
        worst = max(worst, done.returncode)
    if args.save:
        args.save.write_text("\n".join(told))
    return worst


if __name__ == "__main__":
    sys.exit(main())
