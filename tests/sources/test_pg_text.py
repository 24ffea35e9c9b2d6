"""What is shown of a statement: one line, no control characters, no customer's data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perftui.sources.pg_text import QUERY_BYTES, QUERY_CHARACTERS, decoded, masked, statement


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("select 'a''b', 'c'", "select ?, ?"),
        ("where name = E'it\\'s' and x = 1", "where name = ? and x = ?"),
        ("select e'a\\\\', 'b'", "select ?, ?"),
        ("select U&'d\\0061t', B'101', N'x', x'1F'", "select U&?, B?, N?, x?"),
        ("select 'ü', 'é'", "select ?, ?"),
        ("select $$a'b$$, $t$x $$ y$t$", "select ?, ?"),
        ("where id = $1 and x = $2", "where id = $1 and x = $2"),
        ("insert into t2 (c1) values (1)", "insert into t2 (c1) values (?)"),
        ('select "a\'b1" from "t 1"', 'select "a\'b1" from "t 1"'),
        ("a = 0x1F, 1_000, .5e-3, -1e+5, 1.5", "a = ?, ?, ?, -?, ?"),
        ("foo$1bar = 5", "foo$1bar = ?"),
        ("alter role app PASSWORD 'geheim'", "alter role app PASSWORD ?"),
        ("create user app password E'ge\\'heim' login", "create user app password ? login"),
        ("select 'cut in the mid", "select ?"),
        ("select E'cut\\", "select ?"),
        ("select $body$ cut 'in", "select ?"),
        ('select "cut', 'select "cut'),
        ("-- don't\nselect 'secret'", "-- don?\nselect ?"),
        ("select 1 -- it's 42\n, 'secret'", "select ? -- it?\n, ?"),
        ("/* it's */ select 'secret'", "/* it?*/ select ?"),
        ("/*action='run',trace=a1b2*/ select 1", "/*action=?,trace=?*/ select ?"),
        ("/* orders page */ select 1", "/* orders page */ select ?"),
        ("/* cut 'in", "/* cut ?"),
        ("/* a /* b */ 'secret' */ select 'secret'", "?…"),
        # Where standard_conforming_strings is off, this literal goes on.
        (r"where path = 'C:\' or name = 'secret'", "where path = ?…"),
    ],
)
def test_literals_are_masked(written: str, shown: str) -> None:
    assert masked(written) == shown


@given(st.text(alphabet="ab1 '\\$\"/*-\n;E", max_size=60))
def test_masking_ends_and_is_stable_whatever_comes(text: str) -> None:
    assert isinstance(masked(text), str)
    assert "\n" not in (statement(text.encode()) or "")


@given(st.text(alphabet=st.characters(exclude_characters="'\\"), max_size=50).map(lambda text: text.replace("1", "")))
def test_nothing_of_a_plain_literal_is_shown(secret: str) -> None:
    assert masked(f"select a from t where b = '{secret}' and c") == "select a from t where b = ? and c"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"select  a,\n\tb\r\nfrom c", "select a, b from c"),
        (b"select \x1b]0;owned\x07 a \x9b31m", "select ?]?;owned? a \ufffd?"),
        ("select \u202eab\u2066".encode(), "select ?ab?"),
        (b"caf\xe9", "caf\ufffd"),
        ("a\u2028b\u00a0c".encode(), "a b c"),
        (b"\x00\x7f", "??"),
        (b"", ""),
        (b"<insufficient privilege>", None),
        (None, None),
    ],
)
def test_a_statement_is_one_printable_line(raw: bytes | None, shown: str | None) -> None:
    assert statement(raw) == shown


def test_a_long_statement_is_marked_as_cut() -> None:
    by_characters = statement(b"select a" + b"b" * (QUERY_CHARACTERS - 5))
    by_the_server = statement(("é" * QUERY_BYTES).encode()[: QUERY_BYTES - 1] + b"\xc3")

    assert by_characters is not None and len(by_characters) == QUERY_CHARACTERS and by_characters.endswith("b…")
    assert by_the_server is not None and by_the_server == "é" * (QUERY_BYTES // 2 - 1) + "…"


def test_names_keep_no_control_characters() -> None:
    assert decoded(b"app\x1b[31m\n2 \xff") == "app?[31m 2 \ufffd"
