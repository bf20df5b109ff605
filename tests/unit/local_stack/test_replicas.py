"""How many replicas a stack has, and what they are called."""

import pytest

from deploy.local.replicas import VARIABLE, ReplicasNotCounted, names_of, replicas_wanted, service_of


@pytest.mark.parametrize(("given", "wanted"), [(None, 1), ("", 1), ("1", 1), ("3", 3)])
def test_one_of_each_unless_more_are_wanted(monkeypatch: pytest.MonkeyPatch, given: str | None, wanted: int) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if given is not None:
        monkeypatch.setenv(VARIABLE, given)
    assert replicas_wanted() == wanted


@pytest.mark.parametrize("given", ["0", "-1", "10", "three", "3.0"])
def test_what_counts_no_replicas_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv(VARIABLE, given)
    with pytest.raises(ReplicasNotCounted, match=r"SEALED_REPLICAS .*give one from 1 to 9"):
        replicas_wanted()


def test_first_replica_has_the_services_name() -> None:
    assert names_of("intake", 3) == ("intake", "intake-2", "intake-3")
    assert {service_of(name) for name in names_of("intake", 3)} == {"intake"}
