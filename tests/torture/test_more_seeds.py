"""Seeds 61 to 120."""

import pytest
from tests.torture.seeds import hold


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(2, 4))
def test_nothing_is_violated(part: int) -> None:
    hold(part)
