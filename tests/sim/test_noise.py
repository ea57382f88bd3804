import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sim.noise import Noise

MANY = np.arange(200_000)


@given(st.integers(0, 2**64), st.integers(0, 500), st.integers(0, 10**6), st.integers(0, 10**10))
def test_a_number_depends_on_its_address_only(seed: int, level: int, stream: int, index: int) -> None:
    alone = Noise(seed).normal(level, stream, index)
    among = Noise(seed).normal(level, np.array([[1], [stream]]), np.array([index, index + 1]))
    assert alone == among[1, 0]


def test_uniform_numbers_fill_the_open_interval_evenly() -> None:
    drawn = Noise(3).uniform(1, 0, MANY)
    assert drawn.min() > 0
    assert drawn.max() < 1
    counts, _ = np.histogram(drawn, bins=20, range=(0, 1))
    assert abs(counts - 10_000).max() < 500


def test_normal_numbers_have_the_moments_they_should() -> None:
    plain, fat = Noise(3).normal(1, 0, MANY), Noise(3).normal(2, 0, MANY, tail=0.3)
    assert abs(plain.mean()) < 0.01
    assert abs(plain.std() - 1) < 0.01
    assert abs((plain**4).mean() - 3) < 0.1
    assert abs(fat.std() - 1) < 0.02
    assert abs((fat**4).mean() - 3 * np.exp(0.36)) < 0.4


def test_streams_levels_and_seeds_do_not_repeat_each_other() -> None:
    columns = [
        Noise(3).normal(1, 0, MANY),
        Noise(3).normal(1, 0, MANY + 1),
        Noise(3).normal(1, 1, MANY),
        Noise(3).normal(2, 0, MANY),
        Noise(4).normal(1, 0, MANY),
    ]
    correlations = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(correlations).max() < 0.015
