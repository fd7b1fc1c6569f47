"""What must not depend on what, as a table. To change the architecture, change the table, and say why."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "triage"

BASE = {
    *("records", "errors", "geometry", "settings", "weights", "shipped", "__init__"),
    *("archive", "cards", "durable", "fingerprint_file", "names", "network", "original", "phrases", "remote", "spool"),
    "unpacking",
}
"""Below every stage; these know one another and nothing else."""

MAY_IMPORT = {
    "frames": BASE,
    "findings": BASE,
    "tracks": BASE,
    "estimates": BASE,
    "verdicts": BASE,
    "matches": BASE,
    "redaction": BASE,
    "ahead": BASE,
    "looking": BASE | {"findings", "matches"},
    "pipeline": BASE
    | {"ahead", "looking", "frames", "findings", "tracks", "estimates", "verdicts", "matches", "redaction"},
    "covering": BASE | {"ahead", "frames", "redaction"},
    "searching": BASE | {"ahead", "findings", "frames", "redaction"},
    "masking": BASE | {"covering", "findings", "redaction", "searching"},
    "copying": BASE | {"ahead", "covering", "findings", "frames", "masking", "redaction", "searching"},
    "picturing": BASE | {"covering", "findings", "frames", "masking", "redaction", "searching"},
    "case": BASE,
    "evaluation": BASE | {"ahead", "pipeline", "findings", "frames"},
    "exports": BASE | {"case"},
    "report": BASE | {"case"},
    "desk": BASE | {"case", "report", "run"},
    "run": BASE | {"pipeline", "looking", "copying", "picturing", "case", "matches", "report"},
    "demo": BASE,
    "cli": BASE
    | {"pipeline", "copying", "case", "run", "exports", "demo", "evaluation", "findings", "verdicts", "matches"}
    | {"frames", "report", "desk"},
} | dict.fromkeys(BASE, BASE)
"""A stage never imports another stage; only the pipeline knows them all, and what makes and searches copies some of
them; nothing imports the command line. The command line reads findings to open a model that a user brings, frames to
try what a decoder can do, and verdicts for its words."""

HOMES = {
    "av": {
        "frames/pyav.py",
        "frames/pictures.py",
        "frames/sound.py",
        "frames/orientation.py",
        "redaction/writer.py",
        "redaction/sound.py",
        "demo.py",
    },
    "torch": {"findings/yolo.py", "matches/torchscript.py"},
    "torchvision": {"findings/yolo.py"},
    "ultralytics": {"findings/yolo.py"},
    "openvino": {"network.py", "findings/yolo.py"},
    "trackers": {"tracks/linker.py"},
    "supervision": {"tracks/linker.py"},
    "sqlite3": {"case/catalogue.py"},
    "faiss": {"matches/faiss_index.py"},
    "pdqhash": {"matches/pdq.py"},
    "typer": {"cli/main.py", "cli/console.py"},
    "starlette": {"desk/app.py", "desk/asking.py", "desk/deciding.py", "desk/entering.py", "desk/queueing.py"}
    | {"desk/showing.py", "desk/team.py", "desk/watching.py"},
    "uvicorn": {"desk/server.py"},
    "argon2": {"desk/accounts.py"},
    "markdown_it": {"report/templating.py"},
    "jinja2": {"report/templating.py", "desk/templating.py"},
    "rich": {"cli/progress.py"},
    "fsspec": {"remote.py"},
    "ray": {"run/cluster/nodes.py", "run/cluster/starting.py"},
}
"""Each library that is heavy, or that we may want to replace, and the files that know it."""

FILES = sorted(PACKAGE.rglob("*.py"))


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or inside."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports hide the layer"
            whole = node.module != "triage"
            yield from ([node.module or ""] if whole else [f"triage.{name.name}" for name in node.names])


def part(module: str) -> str:
    """``frames`` of ``triage.frames.pyav``; ``__init__`` of a name in the package itself."""
    name = module.split(".")[1]
    return name if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file() else "__init__"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_a_file_imports_only_what_its_layer_may(file: Path) -> None:
    own = file.relative_to(PACKAGE).with_suffix("").parts[0]
    foreign = {part(module) for module in imports(file) if module.startswith("triage.")} - {own}
    assert foreign <= MAY_IMPORT[own], f"{own} must not import {sorted(foreign - MAY_IMPORT[own])}"


@pytest.mark.parametrize("library", HOMES)
def test_a_heavy_library_is_known_in_its_home_alone(library: str) -> None:
    knowing = {
        file.relative_to(PACKAGE).as_posix()
        for file in FILES
        if any(module.split(".")[0] == library for module in imports(file))
    }
    assert knowing <= HOMES[library]
    assert knowing, f"nobody imports {library}; take its line out of the table"


def test_asking_for_help_loads_no_heavy_library() -> None:
    heavy = {"av", "cv2", "torch", "ultralytics", "openvino", "supervision", "matplotlib", "trackers"}
    code = (
        "import sys; from typer.testing import CliRunner; from triage.cli.main import app;"
        "assert CliRunner().invoke(app, ['scan', '--help']).exit_code == 0; print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not heavy & set(loaded)
