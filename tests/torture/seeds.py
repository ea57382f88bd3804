"""A stretch of seeds that must hold, and how to replay the one that does not."""

from holdfast.torture.campaign import campaign

FIRST = 1
TOGETHER = 50
"""Seeds of one test."""


def hold(part: int) -> None:
    """Run the seeds of one part; whatever breaks, its seed replays it."""
    first = FIRST + part * TOGETHER
    outcomes = campaign(range(first, first + TOGETHER))
    assert [outcome.seed for outcome in outcomes] == list(range(first, first + TOGETHER))
    broken = [
        "\n".join(
            (
                f"holdfast torture --seed {outcome.seed} --seeds 1",
                *(f"  {violation}" for violation in outcome.violations),
                *(f"    {line}" for line in outcome.schedule),
            )
        )
        for outcome in outcomes
        if outcome.violations
    ]
    assert not broken, "\n" + "\n".join(broken)
