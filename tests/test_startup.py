"""What starting up loads: a command imports what it uses, and Towhee knows the operators whenever it is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import reprise
from reprise.cli import COMMANDS
from reprise.registration import OPERATORS

# Each takes tens to hundreds of milliseconds.
HEAVY = {"towhee", "pymilvus", "milvus_lite", "pandas", "numpy", "av", "onnxruntime", "plyvel", "rich", "requests"}
REGISTERED = (
    "from towhee.runtime.operator_manager import OperatorRegistry as known\n"
    "from reprise.registration import OPERATORS\n"
    "missing = [n for n in OPERATORS if known.resolve(n.replace('.', '/').replace('_', '-')) is None]\n"
)


def after(program: str, *told: str) -> Any:
    """What the expressions `told` are after a Python process of its own has run the program."""
    code = f"{program}\nimport json, sys\nprint('\\n' + json.dumps([{', '.join(told)}]))"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(finished.stdout.splitlines()[-1])


def loaded(program: str) -> set[str]:
    """The packages that a Python process has imported when it has run the program."""
    (names,) = after(program, "sorted({name.partition('.')[0] for name in sys.modules})")
    return set(names)


def command(*arguments: str | Path) -> str:
    """A program that runs `reprise` with these arguments."""
    return (
        f"import sys; sys.argv = {['reprise', *map(str, arguments)]!r}\n"
        "from reprise.cli import commands, run_command; assert run_command(commands) == 0"
    )


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_the_help_and_the_version_load_nothing_heavy(arguments: list[str]) -> None:
    assert loaded(command(*arguments)) & HEAVY == set()


def test_importing_reprise_loads_nothing_heavy() -> None:
    assert loaded("import reprise; assert reprise.ReprisError and reprise.open") & HEAVY == set()


def test_a_commands_help_loads_neither_towhee_nor_milvus() -> None:
    for name in ("list", "ingest", "query"):
        assert loaded(command(name, "--help")) & {"towhee", "pymilvus", "milvus_lite", "onnxruntime"} == set()


def test_listing_a_library_loads_nothing_that_decodes_or_embeds(library: Path) -> None:
    names = loaded(command("list", "--library", library))
    assert "pymilvus" in names
    assert names & {"towhee", "onnxruntime", "av", "pandas"} == set()


def test_what_was_imported_without_pandas_takes_its_data_frames_all_the_same(library: Path) -> None:
    frames = "import pandas, pyarrow; from pymilvus.orm import schema; frame = pandas.DataFrame({'a': [1, 2]})"
    told = ("'pandas' in sys.modules", "schema.is_list_like([1])", "schema.is_valid_insert_data([])")
    before = f"{command('list', '--library', library)}; from pymilvus.orm import schema"
    assert after(before, *told) == [False, True, True]
    (is_taken, is_own, arrow, back) = after(
        f"{command('list', '--library', library)}; {frames}",
        "schema.is_valid_insert_data(frame)",
        "schema.pd.DataFrame is pandas.DataFrame",
        "pyarrow.Table.from_pandas(frame).column('a').to_pylist()",
        "pyarrow.table({'a': [3]}).to_pandas()['a'].tolist()",
    )
    assert (is_taken, is_own, arrow, back) == (True, True, [1, 2], [3])


def test_a_program_of_ones_own_keeps_its_pandas(library: Path) -> None:
    opened = f"import reprise\nwith reprise.open({str(library)!r}) as one: one.videos()"
    assert "pandas" in loaded(opened)


def test_the_listed_helps_are_the_commands_own() -> None:
    assert {name: late.short_help for name, late in COMMANDS.items()} == {
        name: late.load().short_help for name, late in COMMANDS.items()
    }
    assert all(late.load().name == name for name, late in COMMANDS.items())


def test_an_unknown_command_is_wrong_usage() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "reprise", "ingets"], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 2
    assert "No such command 'ingets'" in finished.stderr


@pytest.mark.parametrize(
    "program",
    [
        "import reprise; from towhee import ops",
        "import towhee, reprise",
        "import reprise.operators.video_embedding.visil",
        "import reprise; import reprise.pipelines.search",
        "import towhee.types, reprise.settings",
        "import reprise; import towhee.runtime.pipeline",
        "import reprise, importlib.util; assert importlib.util.find_spec('towhee'); import towhee",
    ],
)
def test_towhee_knows_every_operator_whichever_is_imported_first(program: str) -> None:
    assert after(f"{program}\n{REGISTERED}", "missing", "len(OPERATORS)") == [[], len(OPERATORS)]


def test_towhee_is_loaded_as_if_reprise_were_not_there() -> None:
    (kind, same, hooks) = after(
        "import reprise, towhee, sys",
        "type(towhee.__spec__.loader).__name__",
        "towhee.__loader__ is towhee.__spec__.loader",
        "sum('reprise' in type(finder).__module__ for finder in sys.meta_path)",
    )
    assert (kind, same, hooks) == ("SourceFileLoader", True, 0)


def test_what_towhee_says_of_its_own_imports_is_not_shown() -> None:
    finished = subprocess.run(
        [sys.executable, "-W", "always", "-c", "import reprise; from towhee import ops"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pkg_resources" not in finished.stderr


def test_registering_needs_no_pipeline() -> None:
    # Pipelines import Towhee, which imports the operators: an operator that needed a pipeline would close the circle.
    (pipelines,) = after(
        "import reprise, towhee, sys", "[name for name in sys.modules if name.startswith('reprise.pipelines')]"
    )
    assert pipelines == []


def test_where_towhee_cannot_be_imported_the_second_try_says_so_too(tmp_path: Path) -> None:
    (tmp_path / "towhee.py").write_text("import no_such_module")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import reprise\n"
        "told = []\n"
        "for _ in range(2):\n"
        "    try:\n"
        "        import towhee\n"
        "    except ModuleNotFoundError as error:\n"
        "        told.append(error.name)\n"
        f"sys.path.remove({str(tmp_path)!r}); import towhee\n{REGISTERED}"
    )
    assert after(program, "told", "missing") == [["no_such_module"] * 2, []]


def test_every_public_name_is_there_and_no_other() -> None:
    assert set(reprise.__all__) <= set(dir(reprise))
    for name in reprise.__all__:
        assert getattr(reprise, name).__name__ == name
    with pytest.raises(AttributeError, match="module 'reprise' has no attribute 'Librari'"):
        _ = reprise.Librari  # type: ignore[attr-defined]
