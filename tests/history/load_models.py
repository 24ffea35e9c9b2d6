"""Load tests as queueing theory has them: users who wait for one of some servers, then think. Their capacity is known."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from perftui.history.load_block import Block


def closed(users: int, servers: int, service_s: float, think_s: float) -> tuple[float, float]:
    """(requests a second, mean time) of M/M/c with so many users; exact."""
    if think_s == 0:
        rate = min(users, servers) / service_s
        return rate, users / rate
    weight, weights = 1.0, [1.0]
    for there in range(1, users + 1):
        weight *= (users - there + 1) / think_s * service_s / min(there, servers)
        weights.append(weight)
    whole = sum(weights)
    rate = sum(each / whole * min(there, servers) for there, each in enumerate(weights)) / service_s
    return rate, users / rate - think_s


def course(
    users: Iterable[int],
    servers: int = 8,
    service_s: float = 0.1,
    think_s: float = 0.5,
    noise: float = 0.0,
    seed: int = 1,
) -> list[Block]:
    """A block for each number of users."""
    chance = Random(seed)
    blocks = []
    for place, count in enumerate(users):
        rate, mean_s = closed(count, servers, service_s, think_s)
        stray = chance.gauss(1.0, noise) if noise else 1.0
        blocks.append(block(place, count, rate * stray, mean_s * stray))
    return blocks


def block(place: int, users: float, rate: float, mean_s: float | None = 0.1, phase: str | None = None) -> Block:
    return Block(at=1000.0 + 10 * place, users=users, requests_per_s=rate, mean_s=mean_s, error_ratio=0.0, phase=phase)
