"""The schedule of a load test's phases and its ramp, for a number of users (S002 35.2)."""

from __future__ import annotations

import argparse
import sys

from perftui.model.exit_code import ExitCode
from perftui.model.failure import UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    from perftui.commands.parse import duration

    parser.add_argument("--users", type=int, required=True, metavar="N", help="the target")
    parser.add_argument("--ramp", type=float, default=15.0, metavar="PERCENT", help="of the target a minute, 10 to 20")
    parser.add_argument("--longest", type=duration, default=30.0, metavar="TIME", help="the longest transaction")
    parser.add_argument("--warm-up", type=duration, default=300.0, metavar="TIME", help="5m to 10m (default 5m)")
    parser.add_argument(
        "--steady", type=duration, metavar="TIME", help="(default: 10m, or twice the longest transaction)"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--k6", action="store_true", help="as stages of k6's options")
    form.add_argument("--json", action="store_true", help="one array")


def run(args: argparse.Namespace) -> ExitCode:
    import msgspec

    from perftui.history.load_plan import RAMP_RATIO, STEADY_TIMES, WARM_UP_S, load_plan
    from perftui.views.format import duration as words

    if args.users < 1:
        raise UsageError(f"--users {args.users}: expected at least 1")
    low, high = RAMP_RATIO
    if not low <= args.ramp / 100 <= high:
        raise UsageError(f"--ramp {args.ramp:g}: expected {low:.0%} to {high:.0%} of the target a minute (S002 35.2)")
    if not WARM_UP_S[0] <= args.warm_up <= WARM_UP_S[1]:
        raise UsageError(f"--warm-up {args.warm_up:g}s: expected 5m to 10m (S002 35.2)")
    if args.steady is not None and args.steady < STEADY_TIMES * args.longest:
        raise UsageError(
            f"--steady {args.steady:g}s: expected at least twice the longest transaction ({args.longest:g}s)"
        )
    steps = load_plan(
        args.users, ramp_ratio=args.ramp / 100, longest_s=args.longest, warm_up_s=args.warm_up, steady_s=args.steady
    )
    if args.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(steps), indent=1) + b"\n")
        return ExitCode.HEALTHY
    if args.k6:
        stages = ",\n".join(f"    {{ duration: '{step.for_s:.0f}s', target: {step.users} }}" for step in steps)
        print(f"export const options = {{\n  stages: [\n{stages},\n  ],\n}};")
        return ExitCode.HEALTHY
    print(f"{'begins':>7}  {'lasts':>6}  {'users':>7}  phase")
    for step in steps:
        phase = step.phase.replace("_", "-")
        print(f"{words(step.at_s):>7}  {words(step.for_s):>6}  {step.users:>7}  {phase:<10} {step.says}".rstrip())
    print(f"{words(steps[-1].at_s + steps[-1].for_s):>7}  in all; mark each phase as it begins: perftui mark steady")
    return ExitCode.HEALTHY
