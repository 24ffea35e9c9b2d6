"""What Postgres' wait events mean, in words for somebody who has not read the manual's table."""

from __future__ import annotations

_EVENTS = {
    ("LWLock", "WALWrite"): "many commits wait to write the log together: storage of the WAL, or synchronous_commit",
    ("LWLock", "WALInsert"): "many sessions put records into the log at once: write rate, or bulk loads",
    ("LWLock", "BufferContent"): "many sessions want the same page: a hot row, or the end of one index",
    ("LWLock", "BufferMapping"): "pages come and go in shared buffers: they are too small for what is read",
    ("LWLock", "LockManager"): "statements take very many locks: partitions or indexes that are not pruned",
    ("LWLock", "ProcArray"): "many snapshots at many connections: fewer connections, a pooler",
    ("LWLock", "SubtransSLRU"): "savepoints in long transactions, read by others",
    ("LWLock", "MultiXactOffsetSLRU"): "rows share-locked by many: foreign keys, SELECT FOR SHARE",
    ("LWLock", "MultiXactMemberSLRU"): "rows share-locked by many: foreign keys, SELECT FOR SHARE",
    ("IO", "DataFileRead"): "reads tables from storage: not in shared buffers, or a missing index",
    ("IO", "DataFileWrite"): "writes table pages itself: shared buffers are full of changes",
    ("IO", "DataFileExtend"): "makes tables longer: bulk loads",
    ("IO", "WALSync"): "waits until the log is on the disk: commits are as slow as its fsync",
    ("IO", "WALWrite"): "writes the log: storage of the WAL is slow",
    ("IO", "BufFileRead"): "reads its temporary files: work_mem is too small for its sort or hash",
    ("IO", "BufFileWrite"): "writes temporary files: work_mem is too small for its sort or hash",
    ("Client", "ClientRead"): "waits for the application's next command; inside of a transaction it keeps its locks",
    ("Client", "ClientWrite"): "the client takes its result slowly: network, or a huge result",
    ("IPC", "SyncRep"): "waits for a synchronous standby to confirm the commit",
    ("IPC", "BgWorkerShutdown"): "waits for its parallel workers to end",
    ("IPC", "ExecuteGather"): "waits for rows of its parallel workers",
    ("IPC", "MessageQueueSend"): "a parallel worker waits for its leader to take rows",
    ("Timeout", "PgSleep"): "sleeps on purpose: pg_sleep()",
    ("Timeout", "VacuumDelay"): "vacuum slows itself down: vacuum_cost_delay",
    ("Timeout", "SpinDelay"): "too many sessions spin for one lock in memory",
}
_TYPES = {
    "LWLock": "waits for a structure in shared memory: contention inside of the server",
    "IO": "reads or writes a file: storage sets the pace",
    "Client": "waits for the client: application or network",
    "IPC": "waits for another process of the server",
    "BufferPin": "waits until nobody holds a page: an open cursor against vacuum",
    "Timeout": "waits for a moment to come",
    "Extension": "waits inside of an extension",
    "Activity": "a process of the server without work",
}
ON_CPU = "runs, or waits for a CPU"


def meaning(wait_type: str, event: str) -> str:
    """Empty where neither the event nor its type is known here."""
    return _EVENTS.get((wait_type, event)) or _TYPES.get(wait_type, "")
