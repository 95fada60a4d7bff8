"""The training of the descriptor: stream, loss, network, loop, checkpoints, calibration, export."""

from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from reprise.training import checkpoint
from reprise.training.calibration import CalibratedDescriptor, CalibrationSettings, calibrated
from reprise.training.export import trained_network, write
from reprise.training.loop import CHECKPOINT, CURVE, Place, learning_rate, picture_size, train
from reprise.training.loss import ContrastiveLoss
from reprise.training.network import DescriptorNetwork
from reprise.training.settings import TrainingSettings
from reprise.training.stream import ViewStream

SMALL = TrainingSettings(
    views=1920,
    processes=1,
    pool_images=1300,
    fresh_images=4,
    batch_images=16,
    learning_rate=5e-4,
    picture_sizes=((0.0, 48), (0.5, 64)),
    warmup_views=192,
    decay_share=0.7,
    queue=0,
    report_steps=10,
    validation_views=10**9,
)
SCRIPT = Path(__file__).parents[2] / "scripts" / "train_descriptor.py"


@pytest.fixture(scope="module")
def stream() -> ViewStream:
    return ViewStream(SMALL, 0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    train(SMALL, Place(folder, "cpu"))
    return folder


# --- the stream of views


def test_a_step_sees_the_same_views_after_an_interruption(stream: ViewStream) -> None:
    stream.batch(0, 48)
    in_order = [stream.batch(step, 48) for step in (1, 40)]
    resumed = ViewStream(SMALL, 0)
    assert np.array_equal(resumed.batch(40, 48), in_order[1])
    assert (in_order[0].shape, in_order[0].dtype) == ((48, 48, 48, 3), np.uint8)
    assert not np.array_equal(*in_order)


def test_the_processes_of_a_training_see_different_images() -> None:
    assert not np.array_equal(ViewStream(SMALL, 1).batch(0, 48), ViewStream(SMALL, 0).batch(0, 48))


# --- the loss


def loss(images: int, **settings: float) -> ContrastiveLoss:
    wanted = {"temperature": 0.05, "queue": 0, "entropy_weight": 0.0, **settings}
    return ContrastiveLoss(images, **wanted)  # type: ignore[arg-type]


def test_views_that_agree_cost_nothing_and_views_that_are_mixed_up_much() -> None:
    one_each = torch.eye(4)
    right, parts = loss(4)(one_each.repeat(3, 1))
    assert right.item() == pytest.approx(0, abs=1e-3)
    assert parts["right"] == 1
    wrong, parts = loss(4)(torch.cat([one_each, one_each.roll(1, 0), one_each]))
    assert wrong.item() > 5
    assert parts["right"] == 0


def test_past_embeddings_are_further_negatives_and_are_forgotten() -> None:
    now = torch.eye(8)[:4].repeat(3, 1)
    remembering = loss(4, queue=4)
    alone, _ = remembering(now)
    against_itself, _ = remembering(now)
    assert against_itself > alone + 0.3  # the queue holds each image's own embedding, as if of another image
    remembering(torch.eye(8)[4:].repeat(3, 1))
    again, _ = remembering(now)
    assert again.item() == pytest.approx(alone.item(), abs=1e-3)


def test_entropy_pushes_neighbours_apart() -> None:
    near = torch.nn.functional.normalize(torch.ones(6, 4) + 0.1 * torch.eye(6, 4), dim=1)
    spread = torch.nn.functional.normalize(torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    assert loss(2, entropy_weight=1)(near)[1]["entropy"] > loss(2, entropy_weight=1)(spread)[1]["entropy"] + 1


# --- the network


def test_embeddings_have_length_one_and_bear_other_brightness_contrast_and_casts() -> None:
    torch.manual_seed(0)
    network = DescriptorNetwork().eval()
    pictures = torch.from_numpy(ViewStream(SMALL, 0).batch(0, 64)[:4]).permute(0, 3, 1, 2).float() * 0.4 + 60
    cast = pictures * 1.3 + torch.tensor([12.0, -5, 20]).view(1, 3, 1, 1)
    with torch.inference_mode():
        before, after = network(pictures), network(cast)
    assert before.norm(dim=1).numpy() == pytest.approx(np.ones(4), abs=1e-5)
    assert (before * after).sum(1).min() > 0.98


# --- the loop


def test_the_rate_warms_up_stays_and_falls_to_nothing() -> None:
    rates = [learning_rate(SMALL, views) / SMALL.learning_rate for views in (0, 96, 384, 576, 1248, 1920)]
    assert rates == pytest.approx([1 / 192, 97 / 192, 1, 1, 0.5, 0], abs=1e-6)
    assert [picture_size(SMALL, views) for views in (0, 959, 960, 1919)] == [48, 48, 64, 64]


def test_a_training_leaves_weights_that_have_learned_something(trained: Path) -> None:
    with (trained / CURVE).open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["views"]) for row in rows] == [480, 960, 1440, 1920, 1920]
    assert float(rows[3]["contrast"]) < float(rows[0]["contrast"])
    assert 0 <= float(rows[-1]["recall_at_1"]) <= 1
    assert rows[-1]["recall_at_1"] != ""


def test_a_finished_training_goes_on_when_more_views_are_wanted(trained: Path, tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes((trained / CHECKPOINT).read_bytes())
    longer = replace(SMALL, views=2016)
    train(longer, Place(tmp_path, "cpu"))
    state = checkpoint.load(tmp_path / CHECKPOINT, longer)
    assert state is not None
    assert state["steps"] == 42
    before = trained_network(trained).state_dict()
    assert any(not torch.equal(before[name], now) for name, now in trained_network(tmp_path).state_dict().items())


def test_a_checkpoint_of_other_settings_is_refused(trained: Path) -> None:
    with pytest.raises(ValueError, match=r"other settings \(temperature\); use another folder"):
        checkpoint.load(trained / CHECKPOINT, replace(SMALL, temperature=0.1))
    assert checkpoint.load(trained / "none.pt", SMALL) is None


def test_an_interrupted_save_leaves_the_checkpoint_before(trained: Path, tmp_path: Path) -> None:
    saved = tmp_path / CHECKPOINT
    saved.write_bytes((trained / CHECKPOINT).read_bytes())
    with pytest.raises(Exception, match="pickle"):
        checkpoint.save(saved, SMALL, {"network": lambda: None})
    assert checkpoint.load(saved, SMALL) is not None


def test_the_script_trains_with_two_processes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path, "--views", "1152", "--processes", "2", "--device", "cpu"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "1152 of 1152 views" in done.stdout
    assert trained_network(tmp_path).state_dict()["embed.1.weight"].abs().sum() > 0


# --- calibration and export

FEW = CalibrationSettings(images=384, negatives=64)


@pytest.fixture(scope="module")
def descriptor(trained: Path) -> CalibratedDescriptor:
    return calibrated(trained_network(trained), 64, FEW)


def pictures(count: int) -> np.ndarray:
    return ViewStream(replace(SMALL, seed=99), 0).batch(0, 64)[:count]


def test_calibrated_embeddings_of_unrelated_pictures_are_near_zero_on_average(
    descriptor: CalibratedDescriptor, trained: Path
) -> None:
    frames = torch.from_numpy(pictures(8))
    with torch.inference_mode():
        raw = trained_network(trained)(frames.permute(0, 3, 1, 2))
        corrected = descriptor(frames)
    others = ~torch.eye(8, dtype=torch.bool)
    assert (corrected @ corrected.T)[others].mean().abs() < (raw @ raw.T)[others].mean().abs()
    assert corrected.norm(dim=1).numpy() == pytest.approx(np.ones(8), abs=1e-5)


def test_the_file_gives_what_the_network_gives_for_any_number_of_frames(
    descriptor: CalibratedDescriptor, tmp_path: Path
) -> None:
    write(descriptor, tmp_path / "full.onnx", 64, half=False)
    write(descriptor, tmp_path / "half.onnx", 64)
    assert (tmp_path / "half.onnx").stat().st_size < 0.6 * (tmp_path / "full.onnx").stat().st_size
    full, half = (
        onnxruntime.InferenceSession(tmp_path / f"{name}.onnx", providers=["CPUExecutionProvider"])
        for name in ("full", "half")
    )
    for count in (1, 5, 8):
        frames = pictures(count)
        with torch.inference_mode():
            expected = descriptor(torch.from_numpy(frames)).numpy()
        assert full.run(["embeddings"], {"frames": frames})[0] == pytest.approx(expected, abs=1e-4)
        assert (half.run(["embeddings"], {"frames": frames})[0] * expected).sum(1).min() > 0.999
