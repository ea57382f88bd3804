"""More legs must not mean many more journeys to PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from tests.execution.conftest import LEGS, Desk

MOST_PER_ORDER = 2.5
"""One for the fill, one for its postings; everything else is written together."""


@contextmanager
def counted(desk: Desk) -> Iterator[list[str]]:
    statements: list[str] = []

    def heard(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    engine = desk.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", heard)
    yield statements
    event.remove(engine, "before_cursor_execute", heard)


async def test_an_order_more_costs_two_statements_more(desk: Desk):
    counts = []
    for baskets in (1, 1, 5):
        execution_id = await desk.confirm(await desk.plan(legs=LEGS * baskets))
        with counted(desk) as statements:
            execution = await desk.run(execution_id)
        assert execution.state == "complete"
        counts.append(len(statements))
    _, few, many = counts
    assert (many - few) / (4 * len(LEGS)) <= MOST_PER_ORDER
