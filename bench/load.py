"""What following a load test costs: CPU a second at 5,000 results a second, and the most that one core can follow.

python -m bench.load [--rate 5000] [--seconds 8]

A generator (a process of its own) writes the format's lines at the asked rate; perftui's feed reads them once a second as
it does live, in this process, whose CPU time is taken. Then the same lines are given as fast as they are taken.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.table import machine_words
from perftui.clients.clock import SystemClock
from perftui.clients.tail import FileTail
from perftui.clients.worker import DaemonWorker
from perftui.sources.load import LoadFeed, LoadSample, derive
from perftui.sources.load_formats import recognised

TAGS = (
    '"tags":{"expected_response":"true","group":"","method":"GET","name":"http://10.0.0.1:8000/orders","proto":"HTTP/1.1",'
    '"scenario":"default","status":"200","url":"http://10.0.0.1:8000/orders"}}}\n'
)
K6_METRICS = tuple(
    f"http_req{name}"
    for name in [
        "s",
        "_duration",
        "_blocked",
        "_connecting",
        "_tls_handshaking",
        "_sending",
        "_waiting",
        "_receiving",
        "_failed",
    ]
)
SECOND = b"2026-11-22T11:23:46"
"""Becomes the second in which it is written."""
USERS = {
    "k6-json": '{"metric":"vus","type":"Point","data":{"time":"2026-11-22T11:23:46.8Z","value":50,"tags":{}}}\n',
    "k6-csv": "vus,1795346626,50,,,,,,,,\n",
}
"""Once a second, as k6 does."""
HEADS = {
    "k6-json": '{"type":"Metric","data":{"name":"http_reqs","type":"counter"},"metric":"http_reqs"}\n',
    "k6-csv": "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto\n",
    "jtl": "timeStamp,elapsed,label,responseCode,responseMessage,threadName,success,bytes,allThreads,Latency,Connect\n",
    "jsonl": "",
}


def lines_of(name: str, number: int) -> str:
    """What the generator writes of one request."""
    took = 5 + (number * 7919) % 400 + (number % 97) / 97
    if name == "k6-json":
        head = '{{"metric":"{}","type":"Point","data":{{"time":"2026-11-22T11:23:46.802866461Z","value":{:.6f},'
        return "".join(head.format(metric, took) + TAGS for metric in K6_METRICS)
    if name == "k6-csv":
        tail = ",,,,true,,GET,http://10.0.0.1:8000/orders,HTTP/1.1\n"
        return "".join(f"{metric},1795346626,{took:.6f}{tail}" for metric in K6_METRICS)
    if name == "jtl":
        return f"1795346626{number % 1000:03},{took:.0f},GET /orders,200,OK,Users 1-{number % 50},true,512,50,{took:.0f},0\n"
    return f'{{"at":1795346626.{number % 1000:03},"latency_ms":{took:.3f},"ok":true,"name":"GET /orders"}}\n'


def write(name: str, path: str, rate: int, seconds: float) -> None:
    """The generator: a tenth of a second's results at a time, on absolute deadlines."""
    piece = "".join(lines_of(name, number) for number in range(rate // 10)).encode()
    begin = time.monotonic()
    with Path(path).open("ab", buffering=0) as file:
        for step in range(int(seconds * 10)):
            time.sleep(max(0.0, begin + step / 10 - time.monotonic()))
            users = USERS.get(name, "").encode() if step % 10 == 5 else b""
            file.write((piece + users).replace(SECOND, datetime.now(UTC).isoformat()[: len(SECOND)].encode()))


async def follow(name: str, rate: int, seconds: int) -> tuple[float, LoadSample]:
    """(CPU seconds a second, the last sample) of a feed at a steady rate."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feed"
        path.write_text(HEADS[name])
        feed = LoadFeed(FileTail(str(path)), "feed", SystemClock(), DaemonWorker("load"))
        await feed.sample()
        command = [sys.executable, "-m", "bench.load", "--write", name, str(path), str(rate), str(seconds + 1)]
        generator = await asyncio.create_subprocess_exec(*command)
        await asyncio.sleep(1.5)
        await feed.sample()
        begin, cpu = time.monotonic(), time.process_time()
        for second in range(1, seconds):
            await asyncio.sleep(max(0.0, begin + second - time.monotonic()))
            sample = await feed.sample()
            derive(None, sample)
        spent = (time.process_time() - cpu) / (time.monotonic() - begin)
        await generator.wait()
        for _ in range(2):
            sample = await feed.sample()
        return spent, sample


def most(name: str) -> float:
    """Results a second that one core can take, nothing else being done."""
    numbers = [range(start, start + 90) for start in range(0, 18_000, 90)]
    blocks = ["".join(lines_of(name, number) for number in block).encode() for block in numbers]
    read = recognised((HEADS[name] or lines_of(name, 0)).encode())
    assert read is not None
    cpu = time.process_time()
    count = sum(len(read.batch(block).times_s) for block in blocks)
    return count / (time.process_time() - cpu)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--rate", type=int, default=5000, help="results a second (default 5000)")
    parser.add_argument("--seconds", type=int, default=8, help="how long each format is followed (default 8)")
    parser.add_argument("--write", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.write:
        name, path, rate, seconds = args.write
        write(name, path, int(rate), float(seconds))
        return 0
    print(machine_words(f"Python {sys.version.split()[0]}, {args.rate} results a second"))
    print(f"{'format':10}{'MB/s':>8}{'CPU ms/s':>10}{'lost':>6}{'most/s':>10}")
    for name in HEADS:
        spent, sample = asyncio.run(follow(name, args.rate, args.seconds))
        megabytes = args.rate * len(lines_of(name, 1)) / 1e6
        lost = (args.seconds + 1) * args.rate // 10 * 10 - sample.results_total
        print(f"{name:10}{megabytes:8.1f}{spent * 1000:10.1f}{lost:6}{most(name):10.0f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
