"""Seeds 151 to 300."""

import pytest
from tests.torture.seeds import hold


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(3, 6))
def test_nothing_is_violated(part: int) -> None:
    hold(part)
