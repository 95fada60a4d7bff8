"""The wheel, and what stays out of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    # A copy: what an earlier build left in the folder would get into the wheel.
    source = folder / "source"
    ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
    for name in ("src", "operators", "pipelines"):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    # Built by the setuptools of this environment: building in isolation would download another one.
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_holds_operators_and_pipelines_as_files_of_the_package(wheel_names: set[str]) -> None:
    for folder in ("operators", "pipelines"):
        here = {f"reprise/{path.relative_to(ROOT)}" for path in (ROOT / folder).rglob("*.py")}
        assert here
        assert here <= wheel_names


def test_the_wheel_holds_the_whole_package_with_its_weights(wheel_names: set[str]) -> None:
    source = ROOT / "src" / "reprise"
    here = {f"reprise/{path.relative_to(source)}" for path in (*source.rglob("*.py"), *source.rglob("static/*.*"))}
    assert "reprise/service/static/page.js" in here
    assert here | {"reprise/weights/reprise-1.onnx", "reprise/weights/README.md", "reprise/py.typed"} <= wheel_names


def test_the_wheel_publishes_nothing_generic_at_its_top(wheel_names: set[str]) -> None:
    tops = {name.split("/")[0] for name in wheel_names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"reprise"}


@pytest.mark.parametrize("folder", ["operators", "pipelines"])
def test_the_top_level_folders_cannot_be_imported_as_packages_of_their_own(folder: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {folder}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"ImportError: import reprise.{folder}" in done.stderr


def test_no_module_is_longer_than_400_lines() -> None:
    modules = [*ROOT.glob("src/**/*.py"), *ROOT.glob("operators/**/*.py"), *ROOT.glob("pipelines/*.py")]
    modules += [*ROOT.glob("scripts/*.py"), *ROOT.glob("benchmarks/*.py")]
    assert {path.name: lines for path in modules if (lines := len(path.read_text().splitlines())) > 400} == {}
