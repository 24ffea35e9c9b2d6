from __future__ import annotations

import time

import pytest

from perftui.sources.deploy_text import told


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("https://alice:s3cret@git.example.org/shop.git", "https://git.example.org/shop.git"),
        ("clone: from ssh://git@host/shop", "clone: from ssh://host/shop"),
        ("https://ci/run/1?private_token=abcdef&page=2", "https://ci/run/1?private_token=***&page=2"),
        ("-o Acquire::http::Proxy=http://u:p@proxy:3128", "-o Acquire::http::Proxy=http://proxy:3128"),
        ("deploy --db-password hunter2 --fast", "deploy --db-password *** --fast"),
        ('{"api_key": "abc def"}', '{"api_key": ***}'),
        ("PGPASSWORD=x ./migrate", "PGPASSWORD=*** ./migrate"),
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer ***"),
        ("pushed by ghp_abcdefghijklmnopqrst", "pushed by ***"),
        ("fix token refresh and password reset", "fix token refresh and password reset"),
        ("design: sign in", "design: sign in"),
        ("two\nlines \x1b[31mred", "two lines ?[31mred"),
        ("  ", None),
        (None, None),
    ],
)  # fmt: skip
def test_no_secret_and_no_control_character_is_kept(given: str | None, shown: str | None) -> None:
    assert told(given, 100) == shown


def test_a_long_text_is_cut_with_a_sign() -> None:
    assert told("x" * 50, 10) == "x" * 9 + "…"


@pytest.mark.parametrize("text", ["a." * 2000, "-" * 4000, "token" * 800, "a://" * 1000, "x" * 4000])
def test_no_text_makes_it_slow(text: str) -> None:
    began = time.process_time()
    told(text, 500)
    assert time.process_time() - began < 0.2
