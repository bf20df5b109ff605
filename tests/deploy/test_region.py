"""Region and storage class are set in one file, and everything that keeps or handles data follows it."""

import shutil
from pathlib import Path

import pytest

from tests.deploy.data_stores import data_stay_in_one_region
from tests.deploy.parts import of_kind, pod
from tests.deploy.render import K8S, objects, rendered


@pytest.mark.parametrize("overlay", ["trial", "production"])
def test_another_region_is_everybodys(overlay: str, tmp_path: Path) -> None:
    copy = shutil.copytree(K8S, tmp_path / "k8s")
    region = copy / "components" / "region" / "region.yaml"
    region.write_text(region.read_text().replace("region: kz ", "region: ala ").replace("Class: kz ", "Class: fast "))
    made = objects(rendered(str(copy / "overlays" / overlay), (), tmp_path))
    assert list(data_stay_in_one_region(made)) == []  # all of one region, all volumes of one class
    affinity = pod(of_kind(made, "Deployment")["delivery"])["affinity"]["nodeAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == ["ala"]
    (volume,) = of_kind(made, "KafkaNodePool")["nodes"]["spec"]["storage"]["volumes"]
    assert volume["class"] == "fast"
