"""`reprise models`: what there is, where its weights are, and fetching them, as a person and a program meet it."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from command_line import run, wait_until
from footage import footage
from publication import CONTENT, NAME, Publication, published

import reprise
from reprise.cli import commands
from reprise.cli.running import run_command
from reprise.models.catalogue import BUILT_IN, ISC, NETWORKS
from reprise.models.fetching import PIECE_BYTES

ROOT = Path(__file__).parents[2]
SHOWN_SIZE = "600.0 kB"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that weights are fetched into; there is nothing in it, nor in the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("REPRISE_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publication]:
    """The network "tiny" in the catalogue, whose weights a server on this machine publishes."""
    assert not folder.exists()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with published(Publication()) as publication:
        add(publication, monkeypatch)
        yield publication


def add(publication: Publication, monkeypatch: pytest.MonkeyPatch, *, sha256: str = "") -> None:
    monkeypatch.setitem(NETWORKS, "tiny", publication.network(size_bytes=len(publication.content), sha256=sha256))


# What is there


def test_list_shows_every_network_and_where_weights_are_looked_for(folder: Path, tmp_path: Path) -> None:
    finished = run("models", "list")
    lines = finished.out.splitlines()
    assert lines[0].split() == ["name", "network", "numbers", "picture", "licence", "weights"]
    named = {line.split()[0]: re.split(r" {2,}", line) for line in lines[2:-1]}
    assert list(named) == list(NETWORKS)
    assert named["reprise"][1:] == [BUILT_IN.title, "256", "128 x 128", "Apache-2.0", "part of Reprise"]
    assert named["isc"][1:] == [ISC.title, "256", "512 x 512", "MIT", "not here"]
    assert lines[-1] == (
        f"{len(NETWORKS)} networks; weights are looked for in {folder}, then {tmp_path}/cache/reprise/weights"
    )
    assert (finished.status, finished.err) == (0, "")


def test_list_tells_programs_everything(server: Publication, folder: Path) -> None:
    facts = {known["name"]: known for known in run("models", "list", "--json").objects}
    assert list(facts) == list(NETWORKS)
    tiny = json.loads(json.dumps(asdict(server.network(size_bytes=len(CONTENT)))))
    assert facts["tiny"] == tiny | {"files": [], "missing": [NAME], "doubts": []}
    assert tiny["weights"] == [{"name": NAME, "url": server.url, "size_bytes": len(CONTENT), "sha256": ""}]
    assert facts["isc"]["citation"].startswith("Yokoo, Contrastive Learning")
    assert [Path(file).name for file in facts["reprise"]["files"]] == ["reprise-1.onnx"]
    run("models", "fetch", "tiny")
    assert run("models", "list", "--json").objects[-1]["files"] == [str(folder / NAME)]


def test_a_picture_by_its_shorter_side_and_an_unknown_dimension_are_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not folder.exists()
    monkeypatch.setitem(
        NETWORKS, "odd", replace(ISC, name="odd", picture=288, dimension=None, weights=(), licence="")
    )
    [line] = [line for line in run("models", "list").out.splitlines() if line.startswith("odd")]
    assert re.split(r" {2,}", line)[2:] == ["-", "shorter side 288", "-", "to be given with --weights"]


def test_the_path_of_weights_is_printed_and_nothing_else(server: Publication, folder: Path) -> None:
    assert server.sent == []
    run("models", "fetch", "tiny")
    finished = run("models", "path", "tiny")
    assert (finished.status, finished.out, finished.err) == (0, f"{folder / NAME}\n", "")
    assert run("models", "path", "tiny", "--json").objects == [
        {"name": "tiny", "file": str(folder / NAME), "companions": []}
    ]


def test_the_path_of_the_built_in_networks_weights_is_that_of_the_package() -> None:
    path = Path(run("models", "path", "reprise").out.strip())
    assert path == Path(reprise.__file__).parent / "weights" / "reprise-1.onnx"
    assert path.is_file()


def test_the_path_of_weights_that_are_not_here_fails_with_what_to_do(folder: Path, tmp_path: Path) -> None:
    finished = run("models", "path", "isc")
    assert (finished.status, finished.out) == (1, "")
    assert finished.err == (
        f"reprise: model isc: its weights isc_ft_v107.pth.tar are not in {folder} and "
        f"{tmp_path}/cache/reprise/weights; `reprise models fetch isc` downloads them and says how to place them by "
        "hand\n"
    )


# Fetching


def test_weights_are_fetched_once(server: Publication, folder: Path) -> None:
    finished = run("models", "fetch", "tiny")
    assert (finished.status, finished.out, finished.err) == (
        0,
        f"tiny: downloaded: {folder / NAME} ({SHOWN_SIZE})\n",
        "",
    )
    assert (folder / NAME).read_bytes() == CONTENT
    again = run("models", "fetch", "tiny", "tiny")
    assert (again.status, again.out, again.err) == (0, f"tiny: already there: {folder / NAME} ({SHOWN_SIZE})\n", "")
    assert server.sent == [len(CONTENT)]
    [answer] = run("models", "fetch", "--json", "--again", "tiny").objects
    assert answer == {"name": "tiny", "status": "downloaded", "file": str(folder / NAME)}
    assert server.sent == [len(CONTENT)] * 2


def test_without_a_named_folder_weights_are_fetched_into_the_cache(
    server: Publication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.sent == []
    monkeypatch.delenv("REPRISE_WEIGHTS")
    assert run("models", "fetch", "tiny").status == 0
    assert (tmp_path / "cache" / "reprise" / "weights" / NAME).read_bytes() == CONTENT


def test_one_network_that_fails_does_not_keep_the_others(server: Publication, folder: Path) -> None:
    server.statuses = [404]
    finished = run("models", "fetch", "tiny", "reprise")
    assert finished.status == 1
    assert finished.out.startswith("reprise: part of Reprise: ")
    [line] = finished.err.splitlines()
    assert line.startswith(f"reprise: model tiny: {server.url} answers HTTP 404 Not Found; see https://tiny.example")
    assert line.endswith(f"place it as {folder / NAME}")


def test_a_fetch_that_broke_off_is_gone_on_with_by_the_next(server: Publication, folder: Path) -> None:
    server.cuts = [2 * PIECE_BYTES]
    assert run("models", "fetch", "tiny").status == 0
    assert server.sent == [2 * PIECE_BYTES, len(CONTENT) - 2 * PIECE_BYTES]
    assert [entry.name for entry in folder.iterdir()] == [NAME]


def test_an_interrupted_fetch_keeps_what_is_here_and_exits_130(
    server: Publication, folder: Path, tmp_path: Path
) -> None:
    program = (
        "import sys; from reprise.models.catalogue import NETWORKS; from reprise.cli import main\n"
        "from reprise.models.network import Network, WeightsFile\n"
        "NETWORKS['tiny'] = Network('tiny', '', '', '', 32, 8, weights=(WeightsFile(*sys.argv[1:3]),))\n"
        "sys.argv = ['reprise', 'models', 'fetch', 'tiny']; main()\n"
    )
    (tmp_path / "program.py").write_text(program)
    part = folder / f"{NAME}.part"
    server.cuts = [2 * PIECE_BYTES]
    server.stalls = True
    fetching = subprocess.Popen(
        [sys.executable, tmp_path / "program.py", NAME, server.url], stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: part.exists() and part.stat().st_size == 2 * PIECE_BYTES)
    fetching.send_signal(signal.SIGINT)
    _, err = fetching.communicate(timeout=30)
    assert (fetching.returncode, err.strip()) == (130, "reprise: interrupted; fetch again to go on with tiny")
    assert run("models", "fetch", "tiny").status == 0
    assert server.sent == [2 * PIECE_BYTES, len(CONTENT) - 2 * PIECE_BYTES]


def test_an_unknown_network_is_wrong_usage_and_nothing_is_fetched(server: Publication) -> None:
    for arguments in (("fetch", "tiny", "nonsense"), ("path", "nonsense")):
        finished = run("models", *arguments)
        assert (finished.status, finished.out) == (2, "")
        assert finished.err.startswith(f"reprise: model must be one of {', '.join(NETWORKS)}")
        assert finished.err.endswith(", not 'nonsense'\n")
    assert run("models", "fetch").status == 2
    assert server.sent == []


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("REPRISE_WEIGHTS", str(tmp_path / "file"))
    for arguments in (("list",), ("path", "isc"), ("fetch", "isc")):
        finished = run("models", *arguments)
        assert finished.status == 1
        assert f"REPRISE_WEIGHTS={tmp_path / 'file'} is a file, not a folder" in finished.err


def test_what_a_network_needs_beside_its_weights_is_fetched_too(
    server: Publication, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = server.network()
    beside = replace(tiny.weights[0], name="whitening/pca.pth")
    monkeypatch.setitem(NETWORKS, "tiny", replace(tiny, companions=(beside,)))
    folder.mkdir()
    (folder / NAME).write_bytes(b"the weights")
    missing = run("models", "path", "tiny")
    assert (missing.status, missing.out) == (1, "")
    assert missing.err.startswith("reprise: model tiny: beside tiny.pth it needs whitening/pca.pth, which is not in ")
    assert missing.err.endswith("; `reprise models fetch tiny` downloads it and says how to place it by hand\n")
    assert run("models", "list", "--json").objects[-1]["missing"] == ["whitening/pca.pth"]
    assert "here in part" in run("models", "list").out
    fetched = run("models", "fetch", "tiny", "--json").objects
    assert [answer["status"] for answer in fetched] == ["already there", "downloaded"]
    assert server.sent == [len(CONTENT)]
    assert run("models", "path", "tiny").out.splitlines() == [f"{folder / NAME}", f"{folder}/whitening/pca.pth"]


# Weights that are not those that are published


def test_weights_that_are_not_the_published_ones_are_told_and_used(
    server: Publication, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT[::-1])  # of the same size
    add(server, monkeypatch, sha256=server.sha256)
    warning = (
        rf"reprise: {folder / NAME}: not as published for tiny: its SHA-256 begins with [0-9a-f]{{12}}, not "
        rf"with {server.sha256[:12]}; it is used all the same; `reprise models fetch --again tiny` downloads the "
        "published one\n"
    )
    for arguments, status in ((("list",), 0), (("path", "tiny"), 0), (("fetch", "tiny"), 1)):
        finished = run("models", *arguments)
        assert finished.status == status
        assert re.fullmatch(warning, finished.err)
    assert run("models", "path", "tiny").out == f"{folder / NAME}\n"
    [doubt] = run("models", "list", "--json").objects[-1]["doubts"]
    assert "its SHA-256 begins with" in doubt
    assert server.sent == []
    assert run("models", "fetch", "--again", "tiny").status == 0
    assert run("models", "list").err == ""


def test_weights_of_another_size_are_told(server: Publication, folder: Path) -> None:
    assert server.sent == []
    folder.mkdir()
    (folder / NAME).write_bytes(b"own")
    assert f"not as published for tiny: it has 3 bytes, not {len(CONTENT)};" in run("models", "list").err


# The screen


def _all_of(terminal: int) -> bytes:
    """What is written to the other end of a terminal until that is closed."""
    shown = b""
    with suppress(OSError):  # what a closed terminal answers
        while chunk := os.read(terminal, 65536):
            shown += chunk
    return shown


def test_a_bar_is_on_the_terminal_while_weights_are_fetched(
    server: Publication, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.sent == []
    ours, theirs = pty.openpty()
    monkeypatch.setattr(sys, "argv", ["reprise", "models", "fetch", "tiny"])
    monkeypatch.setenv("TERM", "xterm")
    out = io.StringIO()
    with ThreadPoolExecutor(1) as beside:
        read = beside.submit(_all_of, ours)
        with os.fdopen(theirs, "w") as terminal, redirect_stderr(terminal), redirect_stdout(out):
            assert run_command(commands, prog_name="reprise") == 0
        shown = read.result().decode()
    os.close(ours)
    assert "tiny" in shown
    assert "600.0/600.0 kB" in shown
    assert "\x1b" not in out.getvalue()


def test_the_commands_are_also_a_script(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["models.py", "path", "reprise"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "scripts" / "models.py"), run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out == run("models", "path", "reprise").out


# Where the other commands meet weights


def test_ingest_and_compare_tell_what_to_do_without_weights_and_make_nothing(folder: Path, tmp_path: Path) -> None:
    clip, library = footage(tmp_path / "clip.mp4", range(4), seed=1), tmp_path / "library"
    missing = (
        rf"reprise: model isc: its weights isc_ft_v107\.pth\.tar are not in {folder} and .*fetch isc` downloads.*\n"
    )
    given = rf"reprise: {tmp_path}/gone\.pth: no such file; give the weights of isc there\n"
    for weights, message in (((), missing), (("--weights", tmp_path / "gone.pth"), given)):
        for command in (("ingest", "--library", library, clip), ("compare", clip, clip)):
            finished = run(*command, "--model", "isc", *weights)
            assert (finished.status, finished.out) == (1, "")
            assert re.fullmatch(message, finished.err)
    assert not library.exists()
