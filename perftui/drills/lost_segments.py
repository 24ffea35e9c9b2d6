"""A server and its clients on the loopback, and a firewall that drops some of what the server sends."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import AsyncIterator

from perftui.clients.own_postgres import free_port
from perftui.drills import needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.marks import RULE_MARK, python, running
from perftui.drills.stage import Stage
from perftui.model.failure import FailureKind, SourceError
from perftui.model.finding import Constraint

PROBABILITY = 0.1


@contextlib.asynccontextmanager
async def dropped(stage: Stage) -> AsyncIterator[None]:
    port = free_port()
    rule = [
        *("INPUT", "-i", "lo", "-p", "tcp", "--sport", str(port), "-m", "statistic", "--mode", "random"),
        *("--probability", str(PROBABILITY), "-m", "comment", "--comment", f"{RULE_MARK}-{os.getpid()}", "-j", "DROP"),
    ]
    if subprocess.run(["iptables", "-I", *rule], capture_output=True, check=False).returncode != 0:
        raise SourceError(FailureKind.UNSUPPORTED, "iptables can't add rules here")
    program = f"""
        import socket, threading, time
        def serve(peer):
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                peer.sendall(bytes(200))
                time.sleep(0.005)
        listener = socket.create_server(("127.0.0.1", {port}))
        def accept():
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        def receive(client):
            while client.recv(4096):
                pass
        for client in [socket.create_connection(("127.0.0.1", {port})) for _ in range(8)]:
            threading.Thread(target=receive, args=(client,), daemon=True).start()
        time.sleep(3600)
        """
    try:
        with running(python(program)):
            yield
    finally:
        subprocess.run(["iptables", "-D", *rule], check=True)


DRILL = Drill(
    name="lost-segments",
    title="a network drops one packet in ten",
    fault=dropped,
    constraints=(Constraint.EXTERNAL_BOUND,),
    rules=("host.network_retransmits",),
    needs=(needs.firewall,),
    symptom=Symptom("host.tcp.retransmits_per_s", 5.0),
    remedies=("look at the link, the switch and the peer",),
)
