"""One sitting of a run without a screen: the host is watched, the run is gone through, its result is told."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from perftui.clients.clock import SystemClock
from perftui.clients.worker import DaemonWorker
from perftui.commands.baselines import usual
from perftui.commands.config import Settings
from perftui.commands.load_sources import with_load
from perftui.commands.playbook_tools import ClientTools
from perftui.commands.run_keeping import new_folder, opening, redactor, taken_over
from perftui.commands.sources import all_sources, machine
from perftui.model.exit_code import ExitCode
from perftui.pipeline.feed import LiveFeed
from perftui.pipeline.loop import Judge, snapshots
from perftui.pipeline.playbook.board import SnapshotBoard
from perftui.pipeline.playbook.headless import Headless
from perftui.pipeline.playbook.keeper import Keeper
from perftui.pipeline.playbook.runner import Runner
from perftui.pipeline.playbook.talk import RunView
from perftui.playbooks.journal import Event
from perftui.playbooks.run.book import Bound
from perftui.playbooks.run.result import exit_code
from perftui.playbooks.run_folder import Durability, Found, RunFolder

FIRST_LOOK_S = 2.0
"""A run begins when there are readings, or without them after this long."""


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says beforehand."""

    values: Mapping[str, str] = {}
    allowed: tuple[str, ...] = ()
    choices: Mapping[str, str] = {}
    as_json: bool = False


async def new_run(made: Bound, answers: Answers, settings: Settings, args: argparse.Namespace) -> ExitCode:
    return await _sitting(new_folder(made), made, answers, settings, args)


async def resumed_run(
    found: Found, made: Bound, answers: Answers, settings: Settings, args: argparse.Namespace
) -> ExitCode:
    folder = taken_over(found)
    for problem in found.journal.problems:
        print(f"perftui: {found.name}: {problem}", file=sys.stderr)
    return await _sitting(folder, made, answers, settings, args)


async def _sitting(
    folder: RunFolder, made: Bound, answers: Answers, settings: Settings, args: argparse.Namespace
) -> ExitCode:
    keeper = Keeper(folder, lambda: DaemonWorker("journal"), redactor(made))
    board, operator = SnapshotBoard(), Headless(answers.values, answers.allowed, answers.choices)
    print(f"perftui: run {folder.name} in {folder.path or 'memory only'}", file=sys.stderr)
    async with contextlib.aclosing(with_load(all_sources(args.dsn, settings.config), args)) as wired:
        feed = LiveFeed(wired.sources, SystemClock(), settings.config.interval_s)
        watching = asyncio.ensure_future(_watch(feed, Judge(machine=machine(), limits=settings.limits), board))
        teller = _Teller(answers.as_json)
        runner = Runner(
            made.book,
            keeper,
            board,
            ClientTools(wired.control),
            operator,
            teller.show,
            host=os.uname().nodename,
            given=answers.values,
            usual=usual(args.baseline),
        )
        if runner.usual.loaded:
            print(f"perftui: what is usual is told by the baseline {runner.usual.loaded}", file=sys.stderr)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, _leave, asyncio.current_task())
        try:
            await asyncio.wait_for(board.wait_first(), FIRST_LOOK_S)
        except TimeoutError:
            print("perftui: no readings yet; the run begins without them", file=sys.stderr)
        try:
            state = await runner.run({**opening(made), "allow_changes": bool(answers.allowed)})
        except asyncio.CancelledError:
            print(f"perftui: left; perftui playbook resume {folder.name} goes on", file=sys.stderr)
            return ExitCode.INTERRUPTED
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await keeper.close()
    if keeper.durability is not Durability.DISK:
        print(f"perftui: the journal is not on the disk but in {keeper.durability}: {keeper.problem}", file=sys.stderr)
    if operator.stuck:
        print(f"perftui: stopped at {operator.stuck}", file=sys.stderr)
    code = exit_code(state)
    if operator.stuck and code is ExitCode.HEALTHY:
        code = ExitCode.UNKNOWN
    teller.close(keeper, code)
    return code


def _leave(task: asyncio.Task[Any] | None) -> None:
    if task is not None:
        task.cancel()


async def _watch(feed: LiveFeed, judge: Judge, board: SnapshotBoard) -> None:
    async for snapshot in snapshots(aiter(feed), judge):
        board.put(snapshot)


class _Teller:
    """Prints what happens as it happens."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._told = 0

    def show(self, view: RunView) -> None:
        for entry in view.entries[self._told :]:
            if self._as_json:
                print(msgspec.json.encode(entry).decode())
            elif entry.ev == Event.STEP_OUTCOME:
                why = f"  {entry.data['why']}" if entry.data.get("why") else ""
                print(f"{entry.data['state']:<8} {entry.step}{why}")
            elif entry.ev == Event.VERDICT:
                print(f"{entry.data['verdict']:<9} {entry.data['cause']}  ({entry.data['because']})")
        self._told = len(view.entries)

    def close(self, keeper: Keeper, code: ExitCode) -> None:
        if self._as_json:
            result = {
                "run": keeper.name,
                "folder": str(keeper.path or ""),
                "exit_code": int(code),
                "result": code.name.lower(),
            }
            print(msgspec.json.encode(result).decode())
