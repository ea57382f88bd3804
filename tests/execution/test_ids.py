import re
from uuid import UUID, uuid4

import pytest

from holdfast.execution.ids import MAX_LENGTH, client_id, is_ours


def test_ids_fit_the_venue_and_differ_by_execution_role_leg_and_attempt():
    one, other = uuid4(), uuid4()
    ids = {
        client_id(execution, role, leg, attempt)
        for execution in (one, other)
        for role in ("open", "close", "unwind")
        for leg in range(30)
        for attempt in range(10)
    }
    assert len(ids) == 2 * 3 * 30 * 10
    assert all(re.fullmatch(rf"[0-9A-Za-z_-]{{1,{MAX_LENGTH}}}", made) for made in ids)
    assert all(is_ours(made) for made in ids)


def test_the_same_leg_and_attempt_always_have_the_same_id():
    execution = UUID("018f3b1e-0000-7000-8000-000000000001")
    assert client_id(execution, "open", 3, 1) == client_id(execution, "open", 3, 1)


def test_an_id_that_would_not_fit_is_refused():
    with pytest.raises(ValueError, match="too large"):
        client_id(uuid4(), "open", 100, 0)


def test_other_peoples_ids_are_not_ours():
    assert not is_ours("")
    assert not is_ours("web-12345")
