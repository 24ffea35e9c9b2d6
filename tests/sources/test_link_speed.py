"""Which link leads out, and how fast it is: only where a driver knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from perftui.clients.kernel_files import KernelFiles
from perftui.model.failure import SourceError
from perftui.sources.link_speed import link_bits_per_s, outward

HEAD = b"Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
ETH0 = b"eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
WIFI = b"wlan0\t00000000\t010200C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
LOCAL = b"eth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
ZEROS = b"0" * 32
ETH6 = ZEROS + b" 00 " + ZEROS + b" 00 fd" + b"0" * 29 + b"1 00000400 00000003 00000000 00000003     eth6\n"
REJECT = ZEROS + b" 00 " + ZEROS + b" 00 " + ZEROS + b" ffffffff 00000001 00000000 00200200       lo\n"


@pytest.mark.parametrize(
    ("route", "route6", "name"),
    [
        (HEAD + LOCAL + WIFI + ETH0, b"", "eth0"),
        (HEAD + LOCAL, REJECT + ETH6, "eth6"),
        (HEAD + LOCAL, REJECT, None),
        (b"", b"", None),
    ],
)
def test_the_interface_of_the_default_route(route: bytes, route6: bytes, name: str | None) -> None:
    assert outward(route, route6) == name


def host(root: Path, **interfaces: dict[str, str]) -> KernelFiles:
    """/sys/class/net with files and folders of each interface, the default route through the first one."""
    for name, files in interfaces.items():
        folder = root / "sys/class/net" / name
        folder.mkdir(parents=True)
        for file, text in files.items():
            (folder / file).write_text(text)
    (root / "proc/net").mkdir(parents=True)
    (root / "proc/net/route").write_bytes(HEAD + ETH0.replace(b"eth0", next(iter(interfaces)).encode()))
    return KernelFiles(str(root))


@pytest.mark.parametrize(
    ("interfaces", "speed"),
    [
        ({"eth0": {"device": "", "speed": "10000\n"}}, 10_000_000_000),
        ({"eth0": {"device": "", "speed": "-1\n"}}, None),
        ({"eth0": {"device": "", "speed": "4294967295\n"}}, None),
        ({"eth0": {"device": "", "speed": "0\n"}}, None),
        ({"eth0": {"device": ""}}, None),
        ({"eth0": {"speed": "10000\n"}}, None),
        ({"vlan7": {"lower_eth0": "", "speed": "1"}, "eth0": {"device": "", "speed": "25000"}}, 25_000_000_000),
        (
            {
                "bond0": {"bonding": "", "lower_eth0": "", "lower_eth1": "", "speed": "20000"},
                "eth0": {"device": "", "speed": "10000"},
                "eth1": {"device": "", "speed": "10000"},
            },
            20_000_000_000,
        ),
        (
            {
                "br0": {"lower_eth0": "", "lower_veth1": "", "speed": "10000"},
                "eth0": {"device": "", "speed": "1000"},
                "veth1": {"speed": "10000"},
            },
            1_000_000_000,
        ),
    ],
    ids=["card", "virtio", "old kernel", "zero", "down", "veth of a container", "vlan", "bond", "bridge"],
)
def test_speed(interfaces: dict[str, dict[str, str]], speed: int | None, tmp_path: Path) -> None:
    files = host(tmp_path, **interfaces)
    if speed is not None:
        assert link_bits_per_s(files) == (next(iter(interfaces)), speed)
        return
    with pytest.raises(SourceError, match="eth0 tells no link speed"):
        link_bits_per_s(files)


def test_without_a_default_route_no_link_counts(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no default route"):
        link_bits_per_s(KernelFiles(str(tmp_path)))
