from uuid import UUID

from holdfast.core.identity import ids_from, new_id


def test_ids_are_random_unless_a_source_is_given():
    assert new_id() != new_id()
    with ids_from(lambda: UUID(int=7)):
        assert new_id() == UUID(int=7)
    assert new_id() != UUID(int=7)
