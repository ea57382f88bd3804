"""Seeds 151 to 300."""

import pytest
from tests.torture.seeds import hold


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(5, 10))
def test_nothing_is_violated(part: int) -> None:
    hold(part)
