"""What is written down holds: every command has help and stands in the README, and the notebooks run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from reprise.cli import commands
from reprise.registration import OPERATORS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_every_command_has_help_a_script_and_a_line_in_the_readme(name: str) -> None:
    command = commands.commands[name]
    assert command.help
    options = [option for option in command.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []
    assert f"| `reprise {name}" in README
    assert (ROOT / "scripts" / f"{name}.py").is_file()


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_has_its_own_file_and_is_told_of(name: str) -> None:
    assert (ROOT / "operators" / f"{name.replace('.', '/')}.py").is_file()
    assert f"`{name}`" in README or f"`{name}`" in (ROOT / "CHANGELOG.md").read_text()


def test_the_readmes_first_commands_are_targets_of_the_makefile() -> None:
    first = re.findall(r"^    (make \w+)$", README, re.MULTILINE)[:2]
    assert first == ["make demo", "make test"]
    makefile = (ROOT / "Makefile").read_text()
    assert all(f"\n{command.removeprefix('make ')}:" in makefile for command in first)


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_notebook_runs_from_its_folder(
    notebook: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("skimage", reason="the demo's photographs come with scikit-image")
    monkeypatch.chdir(notebook.parent)
    namespace: dict[str, object] = {}
    for cell in json.loads(notebook.read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), str(notebook), "exec"), namespace)
    told = capsys.readouterr().out
    assert "6 videos, 172 frames, 0 failed" in told
    assert "found   ../data/demo/library/space_mission.mp4 [21.0, 17.0, 31.0, 27.0]" in told
