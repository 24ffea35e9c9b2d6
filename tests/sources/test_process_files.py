from __future__ import annotations

import pytest

from perftui.sources.process_files import (
    ProcessStat,
    command_text,
    parse_io,
    parse_open_files_limit,
    parse_passwd,
    parse_stat,
    parse_status,
)

TAIL = b" S 7 7 7 0 -1 4194304 100 0 55 0 150 25 0 0 20 0 3 0 4242 3022848 396 18446744073709551615 1 1 0 0 0"


@pytest.mark.parametrize(
    ("comm", "name"),
    [
        (b"postgres", "postgres"),
        (b"tmux: server", "tmux: server"),
        (b"a) S (b", "a) S (b"),
        (b"\x1b[2Jboo\n", "?[2Jboo?"),
        (b"\xff\xfe", "��"),
    ],
    ids=["plain", "blank", "parentheses", "escape sequence", "not utf-8"],
)
def test_any_name(comm: bytes, name: str) -> None:
    assert parse_stat(b"12 (" + comm + b")" + TAIL) == ProcessStat(
        name=name,
        state="S",
        ppid=7,
        kernel_thread=False,
        major_faults=55,
        cpu_ticks=175,
        threads=3,
        started_ticks=4242,
        resident_pages=396,
    )


def test_a_kernel_thread_is_known_by_its_flag() -> None:
    assert parse_stat(b"2 (kthreadd)" + TAIL.replace(b"4194304", b"2129984")).kernel_thread


def test_disk_bytes() -> None:
    assert parse_io(b"rchar: 6976\nwchar: 0\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1\n") == (
        4096,
        8192,
    )
    assert parse_io(b"") is None


def test_status_of_a_process_and_of_a_kernel_thread() -> None:
    assert parse_status(b"Name:\tx\nUid:\t0\t1000\t0\t0\nVmSwap:\t     128 kB\n") == (1000, 131072)
    assert parse_status(b"Name:\tx\nUid:\t0\t0\t0\t0\n") == (0, None)


def test_limit_of_open_files() -> None:
    line = b"Max processes  1 1 processes\nMax open files            1024                 4096                 files     \n"
    assert parse_open_files_limit(line) == 1024
    assert parse_open_files_limit(line.replace(b"1024", b"unlimited")) is None


def test_command_line() -> None:
    assert command_text(b"sh\0-c\0echo \x1b]0;title\x07\0") == "sh -c echo ?]0;title?"
    assert len(command_text(b"x" * 4096)) == 200
    assert command_text(b"") == ""


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"psql\0postgresql://app:geh/e@im@db:5432/x", "psql postgresql://app:***@db:5432/x"),
        (b"psql\0host=db password=geheim user=app", "psql host=db password=*** user=app"),
        (b"x\0--passwd=geheim\0-v", "x --passwd=*** -v"),
        (b"env\0PGPASSWORD=geheim\0psql", "env PGPASSWORD=*** psql"),
        (b"curl\0https://ci/1?private_token=geheim&page=2", "curl https://ci/1?private_token=***&page=2"),
        (b"x\0--api-key=geheim\0-v", "x --api-key=*** -v"),
        (b"curl\0https://db:5432/a?x=1", "curl https://db:5432/a?x=1"),
    ],
)
def test_passwords_on_command_lines_are_hidden(raw: bytes, shown: str) -> None:
    assert command_text(raw) == shown


def test_the_first_name_of_a_user_counts() -> None:
    raw = b"root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\n\n+::::::\nme:x:1000:1000::/:/bin/sh\n"
    assert parse_passwd(raw) == {0: "root", 1000: "me"}
