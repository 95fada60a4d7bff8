"""The program that executes notebooks keeps what they say, and tells when they say something else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbclient", reason="executing notebooks needs the extra notebooks")
pytest.importorskip("ipykernel", reason="executing notebooks needs the extra notebooks")

SCRIPT = Path(__file__).parent.parent / "scripts" / "execute_notebooks.py"


def notebook(path: Path, *cells: str) -> Path:
    """A notebook of these cells, not executed."""
    code = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
        for i, source in enumerate(cells)
    ]
    path.write_text(json.dumps({"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def execute(*arguments: str | Path) -> tuple[int, str]:
    """The exit status, and what is complained of."""
    finished = subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False, cwd=SCRIPT.parent
    )
    return finished.returncode, finished.stderr


def change_kept(path: Path, before: str, after: str) -> None:
    kept = path.read_text()
    assert before in kept
    path.write_text(kept.replace(before, after))


def test_outputs_are_kept_and_what_differs_later_is_told_cell_by_cell(tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", "x = 0.25", "print('found', x, 'in 3 videos')", "open('made', 'w').name")
    assert execute(path) == (0, "")
    assert (tmp_path / "made").is_file()  # in the notebook's own folder
    outputs = [cell["outputs"] for cell in json.loads(path.read_text())["cells"]]
    assert outputs == [
        [],
        [{"name": "stdout", "output_type": "stream", "text": ["found 0.25 in 3 videos\n"]}],
        [{"data": {"text/plain": ["'made'"]}, "execution_count": 3, "metadata": {}, "output_type": "execute_result"}],
    ]
    assert execute("--check", path) == (0, "")

    change_kept(path, "found 0.25 in", "found  0.29 in")  # as another processor might have it, in a wider column
    assert execute("--check", path) == (0, "")
    change_kept(path, "found  0.29 in 3", "found 0.35 in 3")
    told = f"{path}: code cell 2 says 'found 0.25 in 3 videos', kept is 'found 0.35 in 3 videos'\n"
    before = path.read_text()
    assert execute("--check", path) == (1, told)
    assert path.read_text() == before
    change_kept(path, "found 0.35 in 3", "found 0.25 in 4")
    assert execute("--check", path)[0] == 1


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("import warnings; warnings.warn('old')", "cell 1 warns: "),
        (
            "from pathlib import Path; print(Path.home() / 'library')",
            f"cell 1 tells a path of this machine: {Path.home()}",
        ),
        ("import os; os._exit(1)", "its Python ended (Kernel died)"),
        ("1 / 0", "a cell failed (ZeroDivisionError: division by zero)"),
    ],
)
def test_outputs_that_are_not_for_readers_are_not_kept(cell: str, told: str, tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", cell)
    before = path.read_text()
    status, complaint = execute(path)
    assert status == 1
    assert complaint.startswith(f"{path}: {told}")
    assert complaint.count("\n") == 1
    assert path.read_text() == before
