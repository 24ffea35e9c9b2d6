"""From `--load` to what is sampled: a file, a pipe, standard input, or the address of Locust."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

import msgspec

from perftui.model.failure import UsageError
from perftui.sources.load_formats import FORMATS

if TYPE_CHECKING:
    from perftui.commands.sources import Wired
    from perftui.sources.load_locust import Samples

STDIN = "-"


def load_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of every command that samples live."""
    parser.add_argument(
        "--load",
        action="append",
        default=[],
        metavar="FEED",
        help="the load test to watch: a file or pipe that k6, JMeter or Locust writes, JSONL, - for standard input, "
        "or http://… of Locust; given twice, the second is used while the first tells nothing",
    )
    parser.add_argument("--load-format", choices=tuple(FORMATS), help="of the file (default: told by its first line)")


def keep_stdin(feeds: list[str]) -> int | None:
    """Free standard input for the keys where a feed comes through it; the feed's own descriptor.

    Raises:
        UsageError: there is no terminal to read keys from.
    """
    if STDIN not in feeds:
        return None
    feed = os.dup(0)
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        raise UsageError("--load -: no terminal to read keys from; use perftui record or snapshot") from None
    os.dup2(terminal, 0)
    os.close(terminal)
    return feed


def with_load(wired: Wired, args: argparse.Namespace, stdin: int | None = None) -> Wired:
    """What is wired, and the load test that the options name.

    Args:
        stdin: the descriptor of standard input, where `keep_stdin` moved it.
    """
    feeds: list[str] = args.load
    if not feeds:
        return wired
    if len(feeds) > 2:
        raise UsageError("--load: given more than twice; one feed, and one for when it tells nothing")
    from perftui.sources.load_locust import Either

    sources = [_feed(feed, args.load_format, stdin) for feed in feeds]
    source = sources[0] if len(sources) == 1 else Either(*sources)
    return msgspec.structs.replace(wired, sources=[*wired.sources, source])


def _feed(feed: str, named: str | None, stdin: int | None) -> Samples:
    from perftui.clients.clock import SystemClock
    from perftui.clients.worker import DaemonWorker
    from perftui.sources.load import LoadFeed

    if feed.startswith(("http://", "https://")):
        from perftui.clients.http import HttpDocuments
        from perftui.sources.load_locust import Locust

        return Locust(feed, HttpDocuments(), SystemClock())
    from perftui.clients.tail import StreamTail, tail_of

    if feed == STDIN:
        if stdin is None and sys.stdin.isatty():
            raise UsageError("--load -: standard input is the terminal; pipe the results into it")
        return LoadFeed(StreamTail(0 if stdin is None else stdin), "stdin", SystemClock(), DaemonWorker("load"), named)
    return LoadFeed(tail_of(feed), feed, SystemClock(), DaemonWorker("load"), named)
