from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perftui.playbooks.redaction import FAILED, HIDDEN, LINE_CAP, Redactor, checked_pattern


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("password=hunter2", f"password={HIDDEN}"),
        ('{"db_password": "hun ter2", "user": "x"}', f'{{"db_password": {HIDDEN}, "user": "x"}}'),
        ("PGPASSWORD=s3cret psql -h db", f"PGPASSWORD={HIDDEN} psql -h db"),
        ("Authorization: Bearer abc.def.ghi, more", f"Authorization: {HIDDEN}"),
        ("curl -H 'X-Api-Key: 123 456'", f"curl -H 'X-Api-Key: {HIDDEN}"),
        ("postgresql://app:p%40ss@db:5432/orders", f"postgresql://app:{HIDDEN}@db:5432/orders"),
        ("mysql --password hunter2 -u root", f"mysql --password {HIDDEN} -u root"),
        ("https://x/y?token=abc&id=5", f"https://x/y?token={HIDDEN}&id=5"),
        ("AKIAIOSFODNN7EXAMPLE is a key", f"{HIDDEN} is a key"),
        ("alter role app password 'pw'", f"alter role app password {HIDDEN}"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", f"jwt {HIDDEN}"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", f"aws_secret_access_key = {HIDDEN}"),
        ("the password is wrong", "the password is wrong"),
        ("author=me", "author=me"),
        ("tokens per second: many", "tokens per second: many"),
        ("pid 4242 waits for tuple (0,1)", "pid 4242 waits for tuple (0,1)"),
    ],
)
def test_what_stands_behind_a_word_for_a_secret_is_hidden(text: str, told: str) -> None:
    assert Redactor().text(text) == told


def test_a_private_key_is_hidden_as_a_whole() -> None:
    text = "before\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\nafter"

    assert Redactor().text(text) == f"before\n{HIDDEN}\nafter"


def test_a_known_secret_is_hidden_in_each_of_its_spellings() -> None:
    redactor = Redactor(secrets=['p@ss"word/1'])

    for spelling in ('p@ss"word/1', "p%40ss%22word%2F1", 'p@ss\\"word/1'):
        assert redactor.text(f"x {spelling} y") == f"x {HIDDEN} y"


def test_data_is_redacted_to_its_leaves() -> None:
    redactor = Redactor(secrets=["hunter2"])

    told = redactor.data(
        {
            "argv": ["psql", "--password", "abc", "-c", "select 'hunter2'"],
            "api_key": {"a": 1},
            "n": 3,
            "empty_token": "",
        }
    )

    assert told == {
        "argv": ["psql", "--password", HIDDEN, "-c", f"select '{HIDDEN}'"],
        "api_key": HIDDEN,
        "n": 3,
        "empty_token": "",
    }


def test_a_fault_of_ours_withholds_the_text() -> None:
    redactor = Redactor()
    redactor._patterns = (None,)  # type: ignore[assignment]  # a fault that can't happen otherwise

    assert redactor.text("some text") == FAILED


@pytest.mark.parametrize(
    "hostile", ["-" * 400_000, "a" * 400_000, "eyJ" * 130_000, "password=" * 40_000, ":// " * 90_000, "a.b-" * 90_000]
)
def test_no_text_takes_long(hostile: str) -> None:
    began = time.process_time()
    told = Redactor(patterns=[checked_pattern(r"[a-z]{1,64}@[a-z]{1,64}")]).text(hostile)

    assert len(told) < LINE_CAP * 2
    assert time.process_time() - began < 1.0


@given(st.text(max_size=400))
def test_any_text_is_read(text: str) -> None:
    assert Redactor(secrets=["zz"]).text(text) != FAILED


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        (r"(a+)+b", "can take long"),
        (r"\d*x", "can take long"),
        (r"x{2,}", "can take long"),
        (r"(\w{1,9})\1", "references"),
        (r"(a{0,100}){0,100}", "multiply to 10000"),
        (r"(", "unterminated"),
        ("x" * 201, "longer than"),
    ],
)
def test_a_pattern_that_could_take_long_is_refused(pattern: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        checked_pattern(pattern)


@pytest.mark.parametrize("pattern", [r"\d{16}", r"[*+]{1,3}", r"cust-\w{4,64}", r"\+49\d{3,12}"])
def test_a_bounded_pattern_is_taken(pattern: str) -> None:
    assert checked_pattern(pattern)
