"""What is written down holds: every command has help and stands in the README, and the notebooks run."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest

from reprise.cli import commands
from reprise.registration import OPERATORS

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
README = (ROOT / "README.md").read_text()


def below(group: click.Group, name: str = "") -> dict[str, click.Command]:
    """All commands of a group by their full name, however deep."""
    found = {}
    context = click.Context(group)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        assert command is not None
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
STANDING_ALONE = [*(name for name in commands.late if name != "benchmark"), "benchmark vcsl"]


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


PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("[!.]*/*.md"))]


def anchors(page: Path) -> set[str]:
    """What links to the page's headings end in."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_and_heading_that_a_page_links_to_exists(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()) if "://" not in link]
    assert links or page != ROOT / "README.md"
    dead = []
    for link in links:
        name, _, heading = link.partition("#")
        file = page.parent / name if name else page
        if not file.exists() or (heading and heading not in anchors(file)):
            dead.append(link)
    assert dead == []


def kept_text(name: str) -> str:
    """All that the code of a notebook said when it was executed last."""
    cells = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text())["cells"]
    outputs = [output for cell in cells if cell["cell_type"] == "code" for output in cell["outputs"]]
    return "".join("".join(output.get("text", [])) for output in outputs)


def test_the_first_notebook_finds_what_was_planted() -> None:
    told = kept_text("01_first_steps")
    assert "6 videos, 172 frames, 0 failed" in told
    # Planted from 5.16 s and 2.4 s on, for 9.88 s.
    assert "found   ../data/demo/library/collection.mp4 [5.5, 2.5, 15.5, 12.5]" in told
    speed = re.search(r"at speed (\S+)", told)
    assert speed is not None
    assert float(speed[1]) == pytest.approx(1.5, abs=0.05)


def test_the_chain_built_of_operators_finds_what_was_planted() -> None:
    # Frames, of which the last is counted in: planted are 5.16-15.04 / 2.4-12.28 and 21.28-32.16 / 16.72-27.6.
    told = kept_text("02_build_the_pipeline")
    assert "collection.mp4 [[6, 3, 15, 12]]" in told
    assert "space_mission.mp4 [[20, 16, 32, 27]]" in told


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_starts_from_the_demo_and_says_how_to_use_ones_own_videos(notebook: Path) -> None:
    text = notebook.read_text()
    assert "make_demo_videos(demo)" in text
    assert "**Your own videos:**" in text


@pytest.mark.parametrize("page", [*NOTEBOOKS, *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.stem)
def test_every_file_that_a_page_links_to_exists(page: Path) -> None:
    text = page.read_text()
    if page.suffix == ".ipynb":
        text = "".join(
            "".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"
        )
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_notebooks_are_those_that_are_told_of_and_small() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        "01_first_steps",
        "02_build_the_pipeline",
        "03_similarity_maps",
        "04_benchmark_vcsl",
        "05_semantic_search",
    ]
    assert sum(path.stat().st_size for path in NOTEBOOKS) < 2_000_000


def test_the_picture_of_the_pipeline_is_what_the_code_draws_and_names_operators_that_there_are(
    tmp_path: Path,
) -> None:
    program = [sys.executable, ROOT / "scripts" / "make_docs_pictures.py", tmp_path, "pipeline.svg"]
    subprocess.run(program, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, check=True)
    drawn = (tmp_path / "pipeline.svg").read_text()
    assert drawn == (ROOT / "docs" / "pictures" / "pipeline.svg").read_text()
    words = [
        text.text
        for text in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")
        if text.get("class") == "operator"
    ]
    named = {f"{folder}.{name}" for folder, name in zip(words[::2], words[1::2], strict=True)}
    assert len(named) == 8
    assert named - set(OPERATORS) == set()


def test_the_pictures_of_the_documentation_are_there_and_small() -> None:
    pictures = {path.name: path.stat().st_size for path in (ROOT / "docs" / "pictures").iterdir()}
    made = runpy.run_path(str(ROOT / "scripts" / "make_docs_pictures.py"))["PICTURES"]
    assert sorted(pictures) == sorted(made)
    assert sum(pictures.values()) < 600_000
