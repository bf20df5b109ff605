"""The long run in its short form: load and a fault of each kind, and then every order is accounted for."""

from pathlib import Path

import pytest

from deploy.soak.report import written
from deploy.soak.soak import Plan, soak

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


async def test_every_order_is_accounted_for(tmp_path: Path) -> None:
    soaked = await soak(tmp_path / "soak", Plan(seconds=110, every=55, measuring=5, brokers=1, seed=1), lambda _: None)
    assert soaked.wrong == []
    account = soaked.account
    assert account.accepted == account.views + account.fenced + account.dead > 200
    assert account.fenced == account.certificates > 0
    assert account.confirmed >= account.views
    assert len(soaked.struck) == 2
    assert str(account.accepted) in written(soaked).replace(",", "")
