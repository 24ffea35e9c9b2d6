"""The addresses behind a name, and which of them are this host's own. Blocking: for a worker's thread."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import msgspec


class Address(msgspec.Struct, frozen=True):
    ip: IPv4Address | IPv6Address
    local: bool
    """This host has it itself, so what answers there shares its CPUs, memory and disks."""

    @property
    def link_local(self) -> bool:
        """169.254.0.0/16 and fe80::/10, in a mapped form too: clouds give credentials there to whoever asks."""
        mapped = self.ip.ipv4_mapped if isinstance(self.ip, IPv6Address) else None
        return (mapped or self.ip).is_link_local


def addresses(host: str, port: int, most: int) -> list[Address]:
    """The first addresses of a name or of an address written out, in the resolver's order.

    Raises:
        OSError: as the resolver says (socket.gaierror).
        UnicodeError: the name has a part that no name may have.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    unique = dict.fromkeys(str(row[4][0]) for row in found)
    return [Address(ip, _is_ours(ip)) for ip in map(ip_address, list(unique)[:most])]


def _is_ours(ip: IPv4Address | IPv6Address) -> bool:
    """Only an own address can be bound to."""
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(ip), 0))
    except OSError:
        return False
    return True
