"""`python sbom.py PYTHON STATUS PYPROJECT`: a bill of materials in CycloneDX 1.6 JSON, of all that is in the image.

PYTHON: of the virtual environment. STATUS: a folder with the control data of each Debian package, one file each.
PYPROJECT: says what the whole is. Run in the image's build, where requirements/image.lock is installed.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path
from typing import Final

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

DISTRIBUTION: Final = "debian-12"


class SbomInvalid(Exception):
    """What was made is not CycloneDX."""


def bill_of_materials(python: Path, status: Path, pyproject: Path) -> str:
    """JSON. Raises SbomInvalid, or CalledProcessError where the environment cannot be read."""
    bom = Bom.from_json(json.loads(_of_environment(python, pyproject)))  # type: ignore[attr-defined]
    system = list(_debian(status))
    bom.components.update(system)
    if bom.metadata.component:
        bom.register_dependency(bom.metadata.component, system)
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise SbomInvalid(str(fault))
    return text


def _of_environment(python: Path, pyproject: Path) -> str:
    options = ["--spec-version", "1.6", "--output-format", "JSON", "--pyproject", str(pyproject)]
    command = [sys.executable, "-m", "cyclonedx_py", "environment", *options, str(python)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _debian(status: Path) -> Iterator[Component]:
    """A control file's form is that of a mail's head."""
    for path in sorted(status.iterdir()):
        control = message_from_string(path.read_text(encoding="utf-8"))
        name, version, architecture = control["Package"], control["Version"], control["Architecture"]
        about = {"arch": architecture, "distro": DISTRIBUTION}
        url = PackageURL("deb", "debian", name, version, qualifiers=about)
        yield Component(name=name, version=version, type=ComponentType.LIBRARY, purl=url, bom_ref=str(url))


if __name__ == "__main__":
    print(bill_of_materials(*map(Path, sys.argv[1:4])))
