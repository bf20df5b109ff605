import os
from pathlib import Path

import pytest

from shared.policy.load import PACKAGED, PolicyInvalid, load_policy, parse_policy, read_policy
from shared.policy.rows import UnknownName
from tests.unit.policy.a_policy import a_policy, policy_text


def test_packaged_file_loads_and_is_read_once() -> None:
    assert load_policy() is load_policy(PACKAGED)


def test_environment_names_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "policy.yaml"
    other.write_text(policy_text(lambda rows: rows["controller"].update(site="example.kz")), encoding="utf-8")
    monkeypatch.setitem(os.environ, "SEALED_POLICY", str(other))
    assert load_policy().controller.site == "example.kz"


def test_digest_is_of_the_content_and_not_of_its_layout() -> None:
    text = PACKAGED.read_text(encoding="utf-8")
    assert parse_policy("# a comment\n" + text).digest == parse_policy(policy_text()).digest


def test_digest_changes_with_a_grant() -> None:
    assert a_policy(lambda rows: rows["fields"]["phone"]["grants"].pop("delivery")).digest != a_policy().digest


def test_unknown_key_is_refused_with_its_place() -> None:
    with pytest.raises(PolicyInvalid, match=r"fields\.phone\.iin: .* \(clause 3\.1\)\. Remove it"):
        read_policy(policy_text(lambda rows: rows["fields"]["phone"].update(iin=True)))


def test_key_given_twice_is_refused_with_its_line() -> None:
    text = PACKAGED.read_text(encoding="utf-8")
    with pytest.raises(PolicyInvalid, match=r"line \d+: readers is given twice"):
        read_policy(text + "\nreaders: {}\n")


@pytest.mark.parametrize("text", ["", "- a list", "controller: ["])
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(PolicyInvalid, match="can't be used"):
        read_policy(text)


def test_rows_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(PolicyInvalid, match=r"names purpose 9\.9\.9"):
        read_policy(policy_text(lambda rows: rows["fields"]["phone"]["grants"]["delivery"].append("9.9.9")))


def test_the_packaged_file_has_every_purpose_and_every_field_of_the_published_policy() -> None:
    policy = load_policy()
    assert list(policy.purposes) == [f"3.2.{number}" for number in range(1, 10)]
    clauses = {field.clause for field in policy.fields.values()}
    assert clauses == {"2.2.1", "2.2.2", "2.2.3", "2.2.4", "2.2.5", "2.3", "5.6"}
    assert set(policy.recipients) == {"courier_partner", "state_bodies"}


def test_a_version_is_found_by_its_day_and_states_the_hash_of_the_text_agreed_to() -> None:
    policy = load_policy()
    version = policy.version_at(policy.versions[0].effective_from)
    assert set(version.consent_text) == {"kk", "ru", "en"}
    assert len({version.text_sha256(language) for language in version.consent_text}) == 3


def test_unknown_store_topic_or_period_is_an_error_with_a_remedy() -> None:
    policy = load_policy()
    for ask in (policy.store, policy.topic, policy.period, policy.store("intake").collection):
        with pytest.raises(UnknownName, match="add the row"):
            ask("nowhere")
