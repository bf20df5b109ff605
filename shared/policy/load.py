"""Read the policy file: the packaged one, or the one `SEALED_POLICY` names."""

import hashlib
import os
from collections.abc import Hashable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import rfc8785
import yaml
from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from shared.policy.consistency import Problem, inconsistencies
from shared.policy.model import Policy

PACKAGED: Final = Path(__file__).with_name("policy.yaml")
VARIABLE: Final = "SEALED_POLICY"


class PolicyInvalid(Exception):
    """The file can't be acted on. A service that can't read its policy does not start."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        lines = [f"  {problem}" for problem in problems]
        super().__init__("\n".join(["The policy file can't be used:", *lines]))


def load_policy(path: Path | None = None) -> Policy:
    """The policy of `path`, else of SEALED_POLICY, else the packaged one; read once per path and process.

    Raises PolicyInvalid, or OSError where there is no such file."""
    return _load((path or Path(os.environ.get(VARIABLE) or PACKAGED)).resolve())


def read_policy(text: str) -> Policy:
    """The policy in a YAML text. Raises PolicyInvalid for anything it can't act on."""
    policy = parse_policy(text)
    if problems := inconsistencies(policy):
        raise PolicyInvalid(problems)
    return policy


def parse_policy(text: str) -> Policy:
    """As `read_policy`, without looking whether its rows fit together: `check` reports that."""
    try:
        raw = yaml.load(text, Loader=_UniqueKeys)
    except yaml.YAMLError as error:
        raise PolicyInvalid((_unreadable(error),)) from error
    content = raw if isinstance(raw, Mapping) else {}
    digest = hashlib.sha256(rfc8785.dumps(to_jsonable_python(content))).hexdigest()
    try:
        return Policy.model_validate({**content, "digest": digest})
    except ValidationError as error:
        raise PolicyInvalid(tuple(_problem(item) for item in error.errors(include_url=False))) from error


@cache
def _load(path: Path) -> Policy:
    return read_policy(path.read_text(encoding="utf-8"))


class _UniqueKeys(yaml.SafeLoader):
    """YAML where a key given twice is an error: the second would silently replace a grant."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                problem = f"{key} is given twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _unreadable(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}" if mark else "the file"
    what = getattr(error, "problem", None) or "it is not YAML"
    return Problem(where, "5.8", str(what), "Correct the YAML at that line.")


# The clause that asks for each section, for an error in one of its rows.
_CLAUSES: Final = {
    "controller": "1.9",
    "versions": "5.8",
    "notices": "3.1",
    "readers": "4.3.1",
    "purposes": "3.2",
    "fields": "3.1",
    "recipients": "4.3.2",
    "stores": "1.1",
    "topics": "1.1",
    "periods": "5.7",
}


def _problem(error: Any) -> Problem:
    location = [str(part) for part in error["loc"]]
    clause = _CLAUSES.get(location[0], "5.8") if location else "5.8"
    unknown = error["type"] == "extra_forbidden"
    remedy = "Remove it, or correct its name." if unknown else "Correct it in the policy file."
    return Problem(".".join(location), clause, error["msg"], remedy)
