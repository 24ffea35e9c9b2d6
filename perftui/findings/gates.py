"""The gates of explanations within the host and Postgres; those of probes and pools stand with their rules' helpers."""

from __future__ import annotations

from perftui.findings import leaders, postgres, statements
from perftui.findings.gate import Gate, gate
from perftui.findings.pg_statement_regressed import BLOCKS as REGRESSED_BLOCKS
from perftui.history.history import History
from perftui.model.finding import Finding
from perftui.sources.disks import DisksPart
from perftui.sources.pg_activity import PgActivityPart
from perftui.sources.pg_replication import PgReplicationPart
from perftui.sources.processes import ProcessesPart

FAST_S, FAST_WINDOW_S = 1.0, 30.0
"""S002 35.7.1: more than a second is slow; looked at over half a minute (ours)."""


@gate("both are about this host as a whole")
def anywhere(history: History, cause: Finding, symptom: Finding) -> bool:
    """Both are about the host as a whole."""
    return True


@gate("requests are not only refused at once: what makes them slow may explain it")
def not_failing_fast(history: History, cause: Finding, symptom: Finding) -> bool:
    """Not all that is wrong is errors that come at once: those are no matter of a resource that makes requests slow."""
    slow = history.window("load.p95_s", FAST_WINDOW_S).highest
    return slow is None or slow >= FAST_S or any(each.reading != "load.error_ratio" for each in symptom.evidence)


@gate("what moved began within a quarter of an hour after the change, and not before our watch")
def began_with_it(history: History, cause: Finding, symptom: Finding) -> bool:
    """It began within a quarter of an hour after the change that moved something, and not before our watch."""
    return not symptom.began_before and -60.0 <= symptom.since_at - cause.since_at <= 900.0


@gate("one process leads both, or one of them names none")
def same_process(history: History, cause: Finding, symptom: Finding) -> bool:
    """One process leads both; or one of the two names none."""
    ours, theirs = cause.subject.get("process"), symptom.subject.get("process")
    return ours is None or theirs is None or ours == theirs


@gate("the disk that is waited for carries the swap, or swap is a good part of what it moves")
def swap_reaches_disk(history: History, cause: Finding, symptom: Finding) -> bool:
    """The waited-for disk carries the swap, or swap is a quarter of what that disk moves."""
    part = history.latest(DisksPart)
    name = symptom.subject.get("disk")
    disk = part.disks.get(str(name)) if part and name else None
    if disk is None:
        return True
    moved = (history.value("host.swap.in_bytes_per_s") or 0.0) + (history.value("host.swap.out_bytes_per_s") or 0.0)
    carried = (disk.read_bytes_per_s or 0.0) + (disk.write_bytes_per_s or 0.0)
    return disk.swap or moved > 0.25 * carried


@gate("most of the CPU time is the kernel's: it reclaims and swaps")
def kernel_works(history: History, cause: Finding, symptom: Finding) -> bool:
    """Most of the CPU time is the kernel's: it reclaims and swaps."""
    return (history.value("host.cpu.system_ratio") or 0.0) > (history.value("host.cpu.user_ratio") or 0.0)


@gate("the idle session is the root that the others are behind")
def same_blocker(history: History, cause: Finding, symptom: Finding) -> bool:
    """The idle one is the root that the others are behind."""
    return cause.subject["pid"] == symptom.subject.get("pid")


@gate("those who wait for the lock run this statement, or it names the locked relation")
def waiters_run_it(history: History, cause: Finding, symptom: Finding) -> bool:
    """The statement is what somebody runs who waits for a lock, or it names the locked relation."""
    part = history.latest(PgActivityPart)
    waiting = {row.query_id for row in (part.backends if part else ()) if row.blocked_by}
    relation = str(cause.subject.get("relation", "")).rpartition(".")[2]
    return symptom.subject["queryid"] in waiting or (
        bool(relation) and relation in statements.names(history, symptom.subject)
    )


@gate("a quarter of the connections or more wait for a lock")
def waiters_hold_connections(history: History, cause: Finding, symptom: Finding) -> bool:
    """A quarter of the connections wait for a lock."""
    part = history.latest(PgActivityPart)
    return part is not None and part.connections.waiting >= part.connections.used / 4


@gate("half of the connections or more are at work")
def work_holds_connections(history: History, cause: Finding, symptom: Finding) -> bool:
    """Half of the connections are at work."""
    part = history.latest(PgActivityPart)
    return part is not None and part.connections.active >= part.connections.used / 2


@gate("the slower statement does the work it did before, so the reason lies around it")
def same_work(history: History, cause: Finding, symptom: Finding) -> bool:
    """The slower statement does what it did before, so the reason lies around it. More blocks or rows are a reason of its own."""
    return all(
        each.limit is None or each.value is None or each.value <= each.limit
        for each in symptom.evidence
        if each.reading == REGRESSED_BLOCKS
    )


@gate("the slower statement reads more than before, so the host suffers from it and not the other way round")
def more_work(history: History, cause: Finding, symptom: Finding) -> bool:
    """The slower statement reads more than before, so the host may suffer from it and not the other way round."""
    return not same_work(history, symptom, cause)


def waits_for(kind: str) -> Gate:
    """The long statement waits for that kind of event at this moment; empty is a CPU."""

    @gate(f"the long statement waits for {kind or 'a CPU'} at this moment")
    def meets(history: History, cause: Finding, symptom: Finding) -> bool:
        part = history.latest(PgActivityPart)
        row = next((row for row in (part.backends if part else ()) if row.pid == symptom.subject.get("pid")), None)
        return row is not None and (row.wait_type or "") == kind

    return meets


@gate("the long one blocks nobody")
def blocks_nobody(history: History, cause: Finding, symptom: Finding) -> bool:
    """The long one is no root of a queue: then it is the cause of more than its own statement's figures."""
    part = history.latest(PgActivityPart)
    roots = {node.pid for node in (part.locks.tree if part else ()) if node.victims}
    return symptom.subject.get("pid") not in roots


@gate("the long one is the root that the others are behind")
def it_blocks(history: History, cause: Finding, symptom: Finding) -> bool:
    """The long one is the root that the others are behind."""
    return cause.subject.get("pid") is not None and cause.subject["pid"] == symptom.subject.get("pid")


@gate("it is the same statement")
def same_statement(history: History, cause: Finding, symptom: Finding) -> bool:
    return cause.subject.get("queryid") == symptom.subject.get("queryid") is not None


@gate("the server runs on this host and does something")
def postgres_here(history: History, cause: Finding, symptom: Finding) -> bool:
    """A server runs on this host and does something; a remote one does not suffer from it."""
    part = history.latest(ProcessesPart)
    return any(_is_postgres(process.name) for process in (part.processes.top if part else ()))


@gate("the server runs on this host, and it is late and not gone")
def postgres_waits_here(history: History, cause: Finding, symptom: Finding) -> bool:
    """It is still there and late, not gone."""
    late = history.sources["pg_activity"].detail.startswith("timed_out")
    return late and postgres_here(history, cause, symptom)


@gate("a fifth or more of what processes move, or wait for, on the disks is the server's")
def postgres_uses_disk(history: History, cause: Finding, symptom: Finding) -> bool:
    """A fifth of what processes move, or wait for, is Postgres'."""
    part = history.latest(ProcessesPart)
    loads = [(leaders.disk(process), process.name) for process in (part.processes.top if part else ())]
    ours = sum(load for load, name in loads if _is_postgres(name))
    return ours > 0 and ours >= 0.2 * sum(load for load, _ in loads)


@gate("others than Postgres lead on the CPUs that it runs on")
def others_take_cpu(history: History, cause: Finding, symptom: Finding) -> bool:
    return not postgres_leads(history, symptom, cause) and postgres_here(history, cause, symptom)


@gate("Postgres leads it")
def postgres_leads(history: History, cause: Finding, symptom: Finding) -> bool:
    """Postgres leads the symptom, so what is wrong in it may be the cause."""
    return _is_postgres(symptom.subject.get("process", ""))


@gate("the killed process was Postgres")
def postgres_was_killed(history: History, cause: Finding, symptom: Finding) -> bool:
    return _is_postgres(cause.subject.get("process", ""))


@gate("the slow statement names the table")
def names_relation(history: History, cause: Finding, symptom: Finding) -> bool:
    """The slow statement names the table."""
    relation = str(cause.subject["relation"]).rpartition(".")[2].strip('"')
    return relation in statements.names(history, symptom.subject)


@gate("it is the session, or the slot, that keeps the rows from vacuum")
def holds_back_vacuum(history: History, cause: Finding, symptom: Finding) -> bool:
    """The session, or the slot, is who keeps the rows."""
    return any(cause.subject.get(who, "") == symptom.subject.get(who, None) for who in ("pid", "slot"))


@gate("the standby that is behind is the one that the slot keeps log for")
def same_slot(history: History, cause: Finding, symptom: Finding) -> bool:
    """The standby that is behind is the one that the slot keeps log for."""
    return cause.subject.get("slot") == symptom.subject["slot"]


@gate("the server's data lie there, and log that is kept or can't be archived is a good part of what fills it")
def log_fills_it(history: History, cause: Finding, symptom: Finding) -> bool:
    """The server's data lie there, and a tenth of what fills it is log that a slot keeps; or the log can't be archived."""
    part = history.latest(PgReplicationPart)
    place = postgres.data_filesystem(history, part) if part else None
    if part is None or place is None or place[0] != symptom.subject["filesystem"]:
        return False
    kept = part.slot_retained_bytes or 0
    return cause.rule == "pg.archiver_failing" or kept >= 0.1 * (place[1].total_bytes - place[1].free_bytes)


@gate("temporary files of statements lie there too, and are a good part of what fills it")
def spills_fill_it(history: History, cause: Finding, symptom: Finding) -> bool:
    """The server's data lie there, and statements write at least half as fast as it fills."""
    part = history.latest(PgReplicationPart)
    place = postgres.data_filesystem(history, part) if part else None
    if place is None or place[0] != symptom.subject["filesystem"]:
        return False
    fills = history.slope(f"host.filesystems.{place[0]}.free_bytes", 60.0)
    written = history.value("postgres.temp_bytes_per_s")
    return fills is not None and written is not None and fills < 0 and written >= -fills / 2


def _is_postgres(name: object) -> bool:
    return str(name).startswith(("postgres", "postmaster"))
