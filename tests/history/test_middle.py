from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perftui.history.middle import median


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=50))
def test_is_that_of_the_standard_library(values: list[float]) -> None:
    assert median(values) == statistics.median(values)


def test_there_is_none_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        median([])
