"""ViSiL from files in the published layout, against an independent forward pass written here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from footage import footage
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="the published networks come with the extra `models`")
torchvision = pytest.importorskip("torchvision", reason="the published networks come with the extra `models`")

from towhee import ops, pipe  # noqa: E402

from reprise.decoding.sampling import sample  # noqa: E402
from reprise.errors import MissingWeightsError, ReprisError, SettingsError, WeightsError  # noqa: E402
from reprise.models.catalogue import network  # noqa: E402
from reprise.models.loading import load, load_any  # noqa: E402
from reprise.models.visil.features import middle_square  # noqa: E402
from reprise.models.visil.loading import Visil  # noqa: E402

Frames = list[NDArray[np.uint8]]


@pytest.fixture(scope="session")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    """Two decoded frames, wider than high, the shorter side 256."""
    clip = footage(tmp_path_factory.mktemp("clip") / "clip.mp4", range(2), seed=3)
    return [picture.pixels for picture in sample(str(clip), fps=1, size=256)]


@pytest.fixture(scope="session")
def visil(visil_files: Path) -> Visil:
    return loaded(visil_files, "visil.pth")


def loaded(folder: Path, name: str) -> Visil:
    model = "visil" if name == "visil.pth" else "visil-symmetric"
    embedder = load_any(network(model), weights=str(folder / name), device="cpu")
    assert isinstance(embedder, Visil)
    return embedder


# The features, told again from the paper and the makers' code: window by window, vector by vector


def told_features(folder: Path, name: str, frames: Frames) -> NDArray[np.float64]:
    resnet = torchvision.models.resnet50(weights=None)
    resnet.load_state_dict(torch.load(folder / "resnet50-0676ba61.pth"))
    resnet.eval()
    maps: dict[str, Any] = {}
    for layer in ("layer1", "layer2", "layer3", "layer4"):
        getattr(resnet, layer).register_forward_hook(lambda _m, _i, out, layer=layer: maps.__setitem__(layer, out))
    context = torch.load(folder / name)["attention.context_vector.weight"][0].double().numpy()
    pca = {key: value.double().numpy() for key, value in torch.load(folder / "pca_resnet50_vcdb_1M.pth").items()}
    kept = np.argsort(-pca["d"])[: len(context)]
    told = []
    for frame in frames:
        top, left = (frame.shape[0] - 224) // 2, (frame.shape[1] - 224) // 2
        square = frame[top : top + 224, left : left + 224].astype(np.float32) / 255
        square = (square - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
        with torch.no_grad():
            resnet(torch.from_numpy(np.ascontiguousarray(square.transpose(2, 0, 1)))[None])
        for row in range(3):
            for column in range(3):
                vector = np.concatenate([unit(window(maps[layer], row, column)) for layer in maps])
                vector = unit((unit(vector) - pca["mean"]) @ pca["V"][:, kept] / np.sqrt(pca["d"][kept] + 1e-7))
                told.append(vector * (vector @ context / 2 + 0.5))
    return np.reshape(told, (len(frames), 9, -1))


def window(layer: Any, row: int, column: int) -> NDArray[np.float64]:
    width, step = {56: (28, 14), 28: (14, 7), 14: (6, 3), 7: (3, 2)}[layer.shape[-1]]
    part = layer[0, :, row * step : row * step + width, column * step : column * step + width]
    return np.asarray(part.double().numpy().max(axis=(1, 2)))


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / np.linalg.norm(vector))


@pytest.mark.parametrize(("name", "dimension"), [("visil.pth", 3840), ("visil_symmetric.pth", 512)])
def test_features_are_those_of_an_independent_forward_pass(
    visil_files: Path, frames: Frames, name: str, dimension: int
) -> None:
    found = loaded(visil_files, name)(frames)
    assert (found.shape, found.dtype) == ((2, 9, dimension), np.float32)
    np.testing.assert_allclose(found, told_features(visil_files, name, frames), atol=1e-5)
    # Whitening by random variances must not have left all regions alike, or the comparison would say little.
    assert np.abs(found[0, 0] - found[1, 8]).max() > 1e-3


def test_frames_of_any_size_are_scaled_and_their_middle_is_seen(frames: Frames) -> None:
    assert np.array_equal(middle_square(frames[0]), frames[0][16:240, 58:282])
    assert middle_square(np.zeros((90, 30, 3), np.uint8)).shape == (224, 224, 3)
    assert middle_square(np.zeros((1, 1, 3), np.uint8)).shape == (224, 224, 3)
    with pytest.raises(ReprisError, match=r"a frame must be \[height, width, 3\] uint8 RGB, not \[4, 4\] uint8"):
        middle_square(np.zeros((4, 4), np.uint8))


def test_no_frames_give_no_features(visil: Visil) -> None:
    assert visil([]).shape == (0, 9, 3840)


# The network on the map


def told_score(state: dict[str, Any], similarity: NDArray[np.float32], symmetric: bool) -> float:
    """As the makers' code has it, with its modules, on the whole map at once."""
    while similarity.shape[0] < 4:
        similarity = np.concatenate([similarity, similarity])
    while similarity.shape[1] < 4:
        similarity = np.concatenate([similarity, similarity], axis=1)
    layers = torch.nn.Sequential(
        torch.nn.ReplicationPad2d(1),
        torch.nn.Conv2d(1, 32, 3),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d((2, 2), 2),
        torch.nn.ReplicationPad2d(1),
        torch.nn.Conv2d(32, 64, 3),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d((2, 2), 2),
        torch.nn.ReplicationPad2d(1),
        torch.nn.Conv2d(64, 128, 3),
        torch.nn.ReLU(),
        torch.nn.Conv2d(128, 1, 1),
        torch.nn.Hardtanh(),
    )
    for place, name in ((1, "conv1"), (5, "conv2"), (9, "conv3"), (11, "fconv")):
        layers[place].weight.data = state[f"video_comperator.{name}.weight"]
        layers[place].bias.data = state[f"video_comperator.{name}.bias"]
    scores = []
    with torch.no_grad():
        for start in range(0, similarity.shape[1], 2048):
            part = similarity[:, start : start + 2048]
            if part.shape[1] >= 4:
                refined = layers(torch.from_numpy(np.ascontiguousarray(part))[None, None])[0, 0]
                forth, back = refined.max(1)[0].mean(), refined.max(0)[0].mean()
                scores.append(float((forth + back) / 2 if symmetric else forth))
    return sum(scores) / len(scores)


def random_map(rows: int, columns: int) -> NDArray[np.float32]:
    return np.random.default_rng(rows).uniform(-0.2, 0.9, (rows, columns)).astype(np.float32)


@pytest.mark.parametrize("name", ["visil.pth", "visil_symmetric.pth"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 9), (4, 4), (5, 7), (30, 41), (6, 2051), (4, 2057)])
def test_scores_are_those_of_the_published_network(visil_files: Path, name: str, shape: tuple[int, int]) -> None:
    similarity = random_map(*shape)
    expected = told_score(torch.load(visil_files / name), similarity, symmetric=name != "visil.pth")
    assert -1 < expected < 1  # beyond, hard tanh would hide what came before
    assert loaded(visil_files, name).score(similarity) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("rows", [4, 7, 8, 33, 50, 61])
@pytest.mark.parametrize("height", [4, 8, 20])
def test_a_long_map_gives_the_same_strip_by_strip(visil: Visil, rows: int, height: int) -> None:
    similarity = random_map(rows, 25)
    whole = visil.refined(similarity)
    assert whole.shape == (rows // 4, 6)
    np.testing.assert_allclose(visil._map_network.refined(similarity, cells_at_a_time=height * 25), whole, atol=1e-6)


# The files


def test_the_other_files_are_looked_for_beside_the_weights_then_where_all_weights_are(
    visil_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "visil.pth").symlink_to(visil_files / "visil.pth")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("REPRISE_WEIGHTS", raising=False)
    with pytest.raises(MissingWeightsError) as missing:
        loaded(tmp_path, "visil.pth")
    assert str(missing.value).startswith("model visil: beside visil.pth it needs pca_resnet50_vcdb_1M.pth, which is")
    assert "`reprise models fetch visil` downloads it" in str(missing.value)
    monkeypatch.setenv("REPRISE_WEIGHTS", str(visil_files))
    assert loaded(tmp_path, "visil.pth").dimension == 3840


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("visil.pth", {"video_comperator.conv2.bias": None}, "1 key missing (video_comperator.conv2.bias)"),
        ("visil.pth", {"teacher": torch.zeros(1)}, "1 key unexpected (teacher)"),
        ("pca_resnet50_vcdb_1M.pth", {"d": None}, "missing d"),
        ("pca_resnet50_vcdb_1M.pth", {"V": torch.zeros(3840, 7)}, "V [3840, 7], not"),
        ("resnet50-0676ba61.pth", {"layer4.2.bn3.weight": None}, "1 key missing (layer4.2.bn3.weight)"),
    ],
)
def test_a_file_that_does_not_fit_is_named_with_what_is_wrong_in_it(
    visil_files: Path, tmp_path: Path, name: str, change: dict[str, Any], message: str
) -> None:
    for file in visil_files.glob("*.pth"):
        (tmp_path / file.name).symlink_to(file)
    state = {**torch.load(visil_files / name), **change}
    (tmp_path / name).unlink()
    torch.save({key: value for key, value in state.items() if value is not None}, tmp_path / name)
    with pytest.raises(WeightsError) as refused:
        loaded(tmp_path, "visil.pth")
    assert str(refused.value).startswith(f"{tmp_path / name}: not the w")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_weights_of_the_symmetric_network_are_not_those_of_the_other(visil_files: Path) -> None:
    with pytest.raises(WeightsError, match=r"of another shape \(attention.context_vector.weight \[1, 512\], not"):
        load_any(network("visil"), weights=str(visil_files / "visil_symmetric.pth"))


def test_it_is_no_network_of_frame_vectors(visil_files: Path) -> None:
    with pytest.raises(SettingsError, match="gives each frame 9 vectors of 3840 numbers, which no library holds"):
        load(network("visil"), weights=str(visil_files / "visil.pth"))


# The operator


def test_the_operator_turns_frames_into_features(visil_files: Path, frames: Frames, visil: Visil) -> None:
    chain = (
        pipe.input("frames")
        .map("frames", "features", ops.video_embedding.visil(weights=str(visil_files / "visil.pth"), device="cpu"))
        .output("features")
    )
    (found,) = chain(np.stack(frames)).get()
    assert (found.shape, found.dtype) == ((2, 9, 3840), np.float32)
    assert np.array_equal(found, visil(frames))
    (same,) = chain(frames).get()
    assert np.array_equal(same, found)
