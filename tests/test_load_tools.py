"""perftui beside real load generators that press a real HTTP service: k6 and Locust, as an operator runs them."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.http import HttpDocuments
from perftui.clients.tail import FileTail
from perftui.clients.worker import DaemonWorker
from perftui.model.failure import SourceError
from perftui.model.histogram import merged, percentile
from perftui.sources.load import LoadFeed, LoadPart, LoadSample, derive
from perftui.sources.load_locust import Locust
from tests.http_server import HttpServer, Page
from tests.loads import generator

K6 = """
import http from 'k6/http';
import { sleep } from 'k6';
export const options = { vus: 4, duration: '3s', summaryTrendStats: ['med', 'p(95)', 'p(99)'] };
export default function () { http.get(`${__ENV.TARGET}/well`); http.get(`${__ENV.TARGET}/broken`); sleep(0.02); }
"""
LOCUST = """
from locust import HttpUser, constant, task
class User(HttpUser):
    wait_time = constant(0.02)
    @task
    def well(self): self.client.get("/well")
    @task
    def broken(self): self.client.get("/broken")
"""


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with HttpServer() as server:
        server.pages = {"/well": Page(b"ok"), "/broken": Page(b"no", 500)}
        yield server.url


def feed(path: Path) -> LoadFeed:
    return LoadFeed(FileTail(str(path)), path.name, SystemClock(), DaemonWorker("load"))


async def wait_for(
    read: Callable[[], Awaitable[LoadSample]], enough: Callable[[LoadPart], object], seen: list[LoadSample]
) -> LoadPart:
    """The readings once they tell enough; every sample on the way is kept."""
    told: object = None
    for _ in range(250):
        try:
            seen.append(await read())
            part = derive(None, seen[-1])
            if enough(part):
                return part
            told = part
        except SourceError as exc:
            told = exc
        await asyncio.sleep(0.1)
    raise AssertionError(told)


@pytest.mark.parametrize("output", ["json", "csv"])
async def test_k6(service: str, tmp_path: Path, output: str) -> None:
    program, environment = generator("k6")
    script, results, summary = tmp_path / "test.js", tmp_path / f"run.{output}", tmp_path / "summary.json"
    script.write_text(K6)
    watched, seen = feed(results), list[LoadSample]()
    command: list[str | Path] = [
        *program,
        "run",
        "-q",
        "--no-usage-report",
        "--out",
        f"{output}={results}",
        "--summary-export",
        summary,
        script,
    ]
    with pytest.raises(SourceError, match="not there"):
        await watched.sample()
    run = subprocess.Popen(command, env={**environment, "TARGET": service}, stdout=subprocess.DEVNULL)
    try:
        part = await wait_for(watched.sample, lambda part: part.p99_s and part.users, seen)
        assert (part.tool, part.users) == ("k6", 4)
        assert part.error_ratio == pytest.approx(0.5, abs=0.05)
        assert part.offset_s is not None and -1.5 < part.offset_s <= 0.2
        assert run.wait(30) == 0
    finally:
        run.kill()
        run.wait()
    sample = await watched.sample()

    told = msgspec.json.decode(summary.read_bytes())["metrics"]
    assert sample.results_total == told["http_reqs"]["count"]
    assert sample.skipped_total == 0
    window = merged([sample.window])  # all of it: the test was shorter than a window
    for share, name in ((0.5, "med"), (0.95, "p(95)"), (0.99, "p(99)")):
        assert percentile(window, share) == pytest.approx(told["http_req_duration"][name] / 1000, rel=0.03), name


async def test_locust_with_its_interface_and_by_its_csv(service: str, tmp_path: Path) -> None:
    program, environment = generator("locust")
    (tmp_path / "locustfile.py").write_text(LOCUST)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["-u", "3", "-r", "3", "-t", "8s", "--host", service, "--autostart", "--autoquit", "0", "--csv", "run"]
    where = ["--csv-full-history", "--web-host", "127.0.0.1", "--web-port", str(port), "--loglevel", "WARNING"]
    command: list[str | Path] = [*program, "-f", "locustfile.py", *options, *where]
    history = feed(tmp_path / "run_stats_history.csv")
    web = Locust(f"http://127.0.0.1:{port}", HttpDocuments(), SystemClock())
    run = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        part = await wait_for(web.sample, lambda part: part.requests_per_s and part.p95_s and part.users == 3, [])
        assert part.tool == "locust"
        written: list[LoadSample] = []
        by_csv = await wait_for(history.sample, lambda part: part.requests_per_s and part.p95_s, written)
        assert by_csv.tool == "locust"
        first, total = written[-1], by_csv.results_total
        await wait_for(history.sample, lambda part: part.results_total > total, written)
        mean_s = derive(first, written[-1]).mean_s
        assert mean_s is not None and 0 < mean_s < 0.5
        assert by_csv.error_ratio == pytest.approx(0.5, abs=0.2)
        assert by_csv.p95_s is not None and part.p95_s is not None
    finally:
        run.terminate()
        run.wait(20)
