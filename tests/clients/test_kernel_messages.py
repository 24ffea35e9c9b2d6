from __future__ import annotations

import os
from pathlib import Path

import pytest

from perftui.clients.kernel_messages import KernelMessages
from perftui.model.failure import FailureKind, SourceError
from tests import faults


def refused(path: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        KernelMessages(path).new()
    return caught.value


def test_without_the_right_it_says_what_to_do(tmp_path: Path) -> None:
    log = tmp_path / "kmsg"
    log.touch(mode=0o000)
    if os.geteuid() == 0:
        # Root reads everything: /proc/1/mem of another user would too, so the rights are put down for a moment.
        tmp_path.chmod(0o755)
        os.seteuid(65534)
    try:
        error = refused(str(log))
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
    assert error.kind is FailureKind.DENIED
    assert "CAP_SYSLOG" in error.detail or error.detail.startswith(str(log))


def test_without_a_log_it_is_missing(tmp_path: Path) -> None:
    assert refused(str(tmp_path / "kmsg")).kind is FailureKind.MISSING


@pytest.mark.fault
def test_only_what_is_new() -> None:
    faults.need()
    messages = KernelMessages()
    assert messages.new() == []
    with open("/dev/kmsg", "wb", buffering=0) as log:
        log.write(b"<15>perftui test: a line of ours\n")  # without its end the kernel may keep the line open
    assert [record.partition(b";")[2] for record in messages.new()] == [b"perftui test: a line of ours\n"]
    assert messages.new() == []
    messages.close()
