"""The notebooks, executed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_says_today_what_it_is_kept_with(notebook: Path) -> None:
    for module, extra in (("skimage", "demo"), ("nbclient", "notebooks"), ("ipykernel", "notebooks")):
        pytest.importorskip(module, reason=f"notebooks need the extra {extra}")
    finished = subprocess.run(
        [sys.executable, ROOT / "scripts" / "execute_notebooks.py", "--check", notebook],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
