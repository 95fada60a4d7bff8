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


def below(group: click.Group, name: str = "") -> dict[str, click.Command]:
    """All commands of a group by their full name, however deep."""
    found = {}
    for word, command in group.commands.items():
        full_name = f"{name} {word}".strip()
        found[full_name] = command
        if isinstance(command, click.Group):
            found |= below(command, full_name)
    return found


ALL = below(commands)


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_command_and_every_option_has_help(name: str) -> None:
    assert ALL[name].help
    options = [option for option in ALL[name].params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


# A group that does nothing by itself has none, nor have the commands of one that does: they are in its line.
STANDING_ALONE = [*(name for name in commands.commands if name != "benchmark"), "benchmark vcsl"]


@pytest.mark.parametrize("name", STANDING_ALONE)
def test_every_command_has_a_script_and_a_line_in_the_readme(name: str) -> None:
    assert name in ALL
    assert f"| `reprise {name}" in README
    assert (ROOT / "scripts" / f"{name.replace(' ', '_')}.py").is_file()


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
    # Planted from 5.16 s and 2.4 s on, for 9.88 s.
    assert "found   ../data/demo/library/collection.mp4 [5.5, 2.5, 15.5, 12.5]" in told
    speed = re.search(r"in frames, at speed (\S+)", told)
    assert speed is not None
    assert float(speed[1]) == pytest.approx(1.5, abs=0.1)
