"""Seeds 1 to 150; the others are in ``test_more_seeds``, so that two processes share them."""

import pytest
from tests.torture.seeds import hold


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(3))
def test_nothing_is_violated(part: int) -> None:
    hold(part)
