"""Long runs of `reprise benchmark vcsl`: killed, interrupted, gone on with, and the same every time."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from command_line import COMMAND, children, is_running, run, wait_until
from vcsl_files import LABELS, Bench, write_frames, write_labels, write_maps, write_pairs


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_work_folder_of_other_settings_is_refused_and_left_as_it_is(bench: Bench) -> None:
    maps = write_maps(bench.folder / "maps")
    assert bench("--maps", maps).status == 0
    before = (bench.work / "done.jsonl").read_bytes()
    finished = bench("--maps", maps, "--set", "min_length=4")
    assert finished.status == 2
    assert finished.err == (
        f"reprise: {bench.work}: it holds a run with other settings "
        '(parameters: [{}] there, [{"min_length": 4}] here); give another --work, or remove that folder\n'
    )
    other = bench("--maps", maps, "--aligner", "vcsl-tn")
    assert "aligner: straight-lines there, vcsl-tn here" in other.err
    assert (bench.work / "done.jsonl").read_bytes() == before


def test_a_second_run_does_what_is_left_and_tries_again_what_failed(bench: Bench) -> None:
    maps = write_maps(bench.folder / "maps", ["q-a"])
    assert bench("--maps", maps).status == 1
    before = (bench.work / "done.jsonl").read_bytes()
    np.save(maps / "q-a.npy", np.zeros((40, 50), np.float32))  # done: not read again
    for pair in ("q-b", "s-a"):
        shutil.copy(maps / "q-a.npy", maps / f"{pair}.npy")
    assert bench("--maps", maps).status == 0
    assert bench.predictions == {"q-a": LABELS["q-a"], "q-b": [], "s-a": []}
    assert (bench.work / "done.jsonl").read_bytes().startswith(before)


def test_a_line_that_was_not_written_to_its_end_is_done_again(bench: Bench) -> None:
    maps = write_maps(bench.folder / "maps")
    assert bench("--maps", maps).status == 0
    done = bench.work / "done.jsonl"
    whole = done.read_bytes()
    done.write_bytes(whole[:-3])
    assert bench("--maps", maps).status == 0
    assert bench.predictions == {**LABELS, "s-a": []}
    assert sorted(done.read_bytes().splitlines()) == sorted(whole.splitlines())


@pytest.fixture
def many(bench: Bench) -> Bench:
    """Enough pairs to keep a run busy for a while."""
    videos = {f"{kind}{i}": 150 + i for kind in "qr" for i in range(18)}
    pairs = [f"q{i}-r{j}" for i in range(18) for j in range(18)]
    write_frames(bench.frames, videos)
    write_pairs(bench.pairs, pairs)
    write_labels(bench.labels, {pair: [[10, 20, 60, 80]] for pair in pairs[::2]})
    return bench


def start(arguments: list[str | Path]) -> subprocess.Popen[str]:
    """The command in a group of processes of its own, as a shell starts it."""
    return subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    )


def wait_for_chunks(bench: Bench, running: subprocess.Popen[str]) -> Path:
    """Waits until the run has finished two chunks, and is still at work; the file that they are in."""
    done = bench.work / "done.jsonl"
    wait_until(lambda: running.poll() is not None or (done.exists() and done.read_bytes().count(b"\n") >= 2))
    assert running.poll() is None, running.communicate()
    return done


def test_a_run_that_was_killed_goes_on_where_it_was(many: Bench) -> None:
    arguments = many.arguments("--simulate", "--frames", many.frames)
    killed = start(arguments)
    done = wait_for_chunks(many, killed)
    workers = children(killed.pid)
    killed.kill()
    killed.communicate()
    before = done.read_bytes().rpartition(b"\n")[0]
    assert before
    assert not (many.work / "predictions.json").exists()
    wait_until(lambda: not any(map(is_running, workers)))
    kept = sum(len(json.loads(line)) for line in before.splitlines())
    assert kept < 324
    assert run(*arguments).status == 0
    assert done.read_bytes().startswith(before)
    resumed = many.predictions
    assert run(*arguments, "--work", many.folder / "fresh").status == 0
    assert resumed == json.loads((many.folder / "fresh" / "predictions.json").read_text())
    assert len(resumed) == 324


def test_an_interrupted_run_says_how_far_it_was(many: Bench) -> None:
    arguments = many.arguments("--simulate", "--frames", many.frames)
    running = start(arguments)
    wait_for_chunks(many, running)
    workers = children(running.pid)
    second = run(*arguments)
    assert second.err == f"reprise: {many.work}: another process is at work there\n"
    os.killpg(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "of 324 pairs are done, run it again for the rest" in err
    assert "Traceback" not in err
    wait_until(lambda: not any(map(is_running, workers)))


def test_a_worker_that_is_killed_costs_nothing_but_time(many: Bench) -> None:
    arguments = many.arguments("--simulate", "--frames", many.frames)
    running = start(arguments)
    wait_for_chunks(many, running)
    os.kill(children(running.pid)[0], signal.SIGKILL)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (0, "")
    assert len(many.predictions) == 324


def test_a_simulation_hangs_on_its_seed_alone(many: Bench) -> None:
    usual = ["--simulate", "--frames", many.frames, "--sample", "40"]
    found = []
    for work, seed, workers in (("one", "0", "1"), ("two", "0", "2"), ("three", "7", "2")):
        more = ["--work", many.folder / work, "--seed", seed, "--workers", workers]
        assert many(*usual, *more).status == 0
        found.append(json.loads((many.folder / work / "predictions.json").read_text()))
    assert found[0] == found[1] != found[2]
    assert len(found[0]) == 40
