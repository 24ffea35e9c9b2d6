"""How fast the link is that leads out of this host, as its driver tells it. Nothing is sent to find out."""

from __future__ import annotations

from perftui.model.failure import FailureKind, SourceError
from perftui.sources.files import KernelFiles, read_or_none
from perftui.sources.text import printable

_DEPTH = 4
"""A VLAN on a bond of two cards is three."""
_NETWORKS = "/sys/class/net"
_REJECTS = 0x200


def link_bits_per_s(files: KernelFiles) -> tuple[str, int]:
    """The interface of the default route and its speed.

    Source: /proc/net/route, /proc/net/ipv6_route, /sys/class/net/NAME/speed.

    Raises:
        SourceError: without a default route, or where the interface does not tell.
    """
    name = outward(read_or_none(files, "/proc/net/route") or b"", read_or_none(files, "/proc/net/ipv6_route") or b"")
    if name is None:
        raise SourceError(FailureKind.MISSING, "there is no default route that would tell which link counts")
    speed = _speed(files, name, _DEPTH)
    if speed is None:
        text = f"{printable(name, 32)} tells no link speed, as virtual ones don't"
        raise SourceError(FailureKind.UNSUPPORTED, text)
    return name, speed


def outward(route: bytes, route6: bytes) -> str | None:
    """The interface of the default route with the lowest metric; of IPv6 where IPv4 has none."""
    found = []
    for line in route.splitlines()[1:]:
        words = line.split()
        if words[1] == b"00000000" and words[7] == b"00000000":
            found.append((int(words[6]), words[0]))
    if not found:
        for line in route6.splitlines():
            words = line.split()
            if set(words[0]) == {ord("0")} and words[1] == b"00" and not int(words[8], 16) & _REJECTS:
                found.append((int(words[5], 16), words[9]))
    return min(found)[1].decode("utf-8", "replace") if found else None


def _speed(files: KernelFiles, name: str, depth: int) -> int | None:
    """Bits a second. What has no device below it (veth, tun) tells a number of its author's choice, so it is not asked."""
    try:
        inside = files.names(f"{_NETWORKS}/{name}")
    except SourceError:
        return None
    if "device" in inside:
        return _told(files, name)
    below = [each.removeprefix("lower_") for each in inside if each.startswith("lower_")] if depth else []
    speeds = [speed for each in below if (speed := _speed(files, each, depth - 1)) is not None]
    if not speeds:
        return None
    # A bond adds up the cards it uses at the same time; all else is as fast as what carries it.
    return _told(files, name) if "bonding" in inside else max(speeds)


def _told(files: KernelFiles, name: str) -> int | None:
    """-1 stands for not known, in older kernels as an unsigned number; reading it fails while the link is down."""
    text = (read_or_none(files, f"{_NETWORKS}/{name}/speed") or b"").strip()
    megabits = int(text) if text.isdigit() else 0
    return megabits * 1_000_000 if 0 < megabits < 0xFFFFFFFF else None
