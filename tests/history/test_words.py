import pytest

from perftui.history.words import age


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-0.2, "0 s"), (59.9, "59 s"), (60, "1m00s"), (192.4, "3m12s"), (7500, "2h05m"), (172_800, "2d00h"), (356_400, "4d03h")],
)  # fmt: skip
def test_the_age_of_what_still_goes_on(seconds: float, words: str) -> None:
    assert age(seconds) == words
