import pytest
from hypothesis import given
from hypothesis import strategies as st

from perftui.history.growth import GrowthState, growth


def ramp(start: float, end: float, count: int = 20) -> list[float]:
    return [start + (end - start) * place / (count - 1) for place in range(count)]


@pytest.mark.parametrize(
    ("values", "state"),
    [
        (ramp(100, 104), GrowthState.STABLE),
        (ramp(100, 112), GrowthState.SUSPECT),
        (ramp(100, 130), GrowthState.LIKELY),
        (ramp(100, 200), GrowthState.LEAK),
        (ramp(200, 100), GrowthState.STABLE),
        ([100.0] * 10 + [150.0] * 30, GrowthState.STABLE),
        (ramp(100, 200, 9), GrowthState.INSUFFICIENT_DATA),
        ([0.0] * 20, GrowthState.INSUFFICIENT_DATA),
    ],
    ids=["4 %", "6 %", "14 %", "40 %", "shrinks", "plateau", "nine measurements", "nothing"],
)
def test_bands_of_the_halves_rule(values: list[float], state: GrowthState) -> None:
    assert growth(values).state is state


@given(st.lists(st.floats(min_value=1, max_value=1e12), min_size=10, max_size=100))
def test_no_order_of_measurements_that_only_falls_is_a_leak(values: list[float]) -> None:
    assert growth(sorted(values, reverse=True)).state is GrowthState.STABLE
