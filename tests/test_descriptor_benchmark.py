"""The frame-descriptor benchmark: its edits, its split and a whole run."""

from __future__ import annotations

import importlib.resources
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from clips import write_clip
from numpy.typing import NDArray

from reprise.descriptor import NAME
from reprise.errors import ReprisError

cv2 = pytest.importorskip("cv2", reason="the benchmark's edits need OpenCV: pip install -e '.[bench]'")

import descriptor  # noqa: E402 - after the check for OpenCV
import networks  # noqa: E402
from baselines import PDQ, PHASH, Hog  # noqa: E402
from descriptor_trial import Contest, Parts  # noqa: E402
from frame_edits import EDITS, QUERY_LONG_SIDE, edited, strengths_of  # noqa: E402
from frame_queries import QueryGroup, evenly_spread, query_groups  # noqa: E402
from frame_sources import Collection, Frame, collect, drawn, frames_of, is_held_out, part_of, source_files  # noqa: E402
from geometric_edits import crop_to_40_percent, letterbox  # noqa: E402
from near_copies import Seen, pattern_of  # noqa: E402
from ranking import NO_REFERENCE, figures  # noqa: E402

Rgb = NDArray[np.uint8]
ALL_STRENGTHS = [(edit, strength) for edit in EDITS for strength in strengths_of(edit)]


def picture(number: int, height: int = 96, width: int = 128) -> Rgb:
    """A smooth random pattern, another one for every number."""
    coarse = np.random.default_rng(number).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def detailed_picture(number: int) -> Rgb:
    """Many overlapping discs: corners enough to be known again by."""
    random = np.random.default_rng(number)
    drawing = np.full((240, 320, 3), 128, np.uint8)
    for _ in range(150):
        paint = tuple(int(part) for part in random.integers(0, 256, 3))
        middle = (int(random.integers(320)), int(random.integers(240)))
        cv2.circle(drawing, middle, int(random.integers(4, 30)), paint, -1)
    return drawing


def frame(number: int) -> Frame:
    return Frame(Path(f"{number}.jpg"), f"{number}.jpg", picture(number))


def collection(references: int = 8, negatives: int = 3) -> Collection:
    frames = [frame(number) for number in range(references + negatives)]
    return Collection(frames[:references], frames[references:], [])


class Grey32:
    """The identity, but for scale: 32 x 32 grey pixels as a vector of mean 0 and length 1."""

    name = "identity"

    def __call__(self, frames: Sequence[Rgb]) -> NDArray[np.float32]:
        grey = [cv2.resize(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY), (32, 32)).ravel().astype(float) for one in frames]
        rows = np.stack([values - values.mean() for values in grey])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


# Metrics


@pytest.mark.parametrize(("edit", "strength"), ALL_STRENGTHS)
@pytest.mark.parametrize("size", [(96, 128), (256, 144), (240, 426)], ids=str)
def test_an_edit_gives_the_same_small_rgb_picture_for_a_seed(edit: str, strength: str, size: tuple[int, int]) -> None:
    own, other = picture(1, *size), picture(2)
    before = own.copy()
    first, again = (edited(edit, strength, own, other, np.random.default_rng(5)) for _ in range(2))
    assert first.dtype == np.uint8
    assert first.ndim == 3 and first.shape[2] == 3
    assert 16 <= min(first.shape[:2]) <= max(first.shape[:2]) <= QUERY_LONG_SIDE
    assert np.array_equal(first, again)
    assert np.array_equal(own, before)
    assert first.shape != own.shape or not np.array_equal(first, own)


@pytest.mark.parametrize("edit", [edit for edit in EDITS if edit != "grey"])  # black and white leaves no choice
def test_another_seed_edits_otherwise(edit: str) -> None:
    strength = strengths_of(edit)[-1]
    made = [edited(edit, strength, picture(1), picture(2), np.random.default_rng(seed)) for seed in range(8)]
    assert len({(one.shape, one.tobytes()) for one in made}) > 1


@pytest.mark.parametrize("size", [(256, 256), (256, 455), (455, 256)], ids=str)
@pytest.mark.parametrize("seed", range(5))
def test_crop40_keeps_a_window_of_40_percent_of_the_area_in_its_aspect(size: tuple[int, int], seed: int) -> None:
    own = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    kept = crop_to_40_percent(np.random.default_rng(seed), own)
    height, width = kept.shape[:2]
    assert height * width == pytest.approx(0.4 * own.shape[0] * own.shape[1], rel=0.01)
    assert width / height == pytest.approx(own.shape[1] / own.shape[0], rel=0.01)
    found = cv2.matchTemplate(own, kept, cv2.TM_SQDIFF)
    top, left = (int(at) for at in np.unravel_index(found.argmin(), found.shape))
    assert np.array_equal(own[top : top + height, left : left + width], kept)
    middle = ((top + height / 2) / own.shape[0], (left + width / 2) / own.shape[1])
    assert max(abs(at - 0.5) for at in middle) > 0.05


@pytest.mark.parametrize(
    ("strength", "low", "high"), [("light", 0.55, 0.6), ("medium", 0.45, 0.5), ("hard", 0.35, 0.4)]
)
def test_an_inset_takes_its_share_of_the_backgrounds_side(strength: str, low: float, high: float) -> None:
    white, black = np.full((120, 160, 3), 255, np.uint8), np.zeros((90, 120, 3), np.uint8)
    for seed in range(5):
        laid = edited("picture in picture", strength, white, black, np.random.default_rng(seed))
        assert laid.shape == black.shape
        share = np.sqrt((laid > 127).mean())
        assert low - 0.01 <= share <= high + 0.01


def test_a_letterboxed_picture_takes_at_most_its_share_of_the_side() -> None:
    red = np.full((128, 128, 3), (220, 60, 30), np.uint8)
    for strength, side in enumerate((0.85, 0.68, 0.5)):
        boxed = [letterbox(np.random.default_rng(seed), red, strength) for seed in range(30)]
        shares = [float((one == red[0, 0]).all(axis=2).mean()) for one in boxed]
        assert max(shares) == pytest.approx(side**2, abs=0.02)


# Sources and queries


def test_every_source_is_in_one_part_and_both_parts_hold_negatives_and_references() -> None:
    sources = [Path(f"folder/{number:04}.jpg") for number in range(400)]
    choose = {source for source in sources if part_of(source) == "choose"}
    report = {source for source in sources if part_of(source) == "report"}
    assert choose | report == set(sources)
    assert choose & report == set()
    assert 150 < len(choose) < 250
    for part in (choose, report):
        assert 0.15 < sum(map(is_held_out, part)) / len(part) < 0.35
    assert [part_of(Path("elsewhere") / source.name) for source in sources] == [part_of(source) for source in sources]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    for number in range(24):
        name = f"deeper/{number}.png" if number % 2 else f"{number}.png"
        cv2.imwrite(str(folder / name), picture(number))
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_the_parts_share_no_frame_and_make_up_the_whole(photos: Path) -> None:
    names = {}
    for part in ("choose", "report", "all"):
        found = collect([photos], [], part)
        references, negatives = ({one.name for one in some} for some in (found.references, found.negatives))
        assert references & negatives == set()
        names[part] = references | negatives
    assert names["choose"] & names["report"] == set()
    assert names["choose"] | names["report"] == names["all"] == {f"{number}.png" for number in range(24)}


def test_nearly_the_same_flat_and_unreadable_photos_are_left_out(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = collect([photos], [], "all")
    cv2.imwrite(str(photos / "zoomed copy.jpg"), cv2.resize(picture(4)[4:92, 6:122], (200, 150)))
    cv2.imwrite(str(photos / "flat.png"), np.full((50, 50, 3), 90, np.uint8))
    (photos / "broken.jpg").write_bytes(b"no JPEG")
    after = collect([photos], [], "all")
    assert [one.name for one in after.references] == [one.name for one in before.references]
    assert [one.name for one in after.negatives] == [one.name for one in before.negatives]
    assert "broken.jpg: no photo that OpenCV can read" in capsys.readouterr().err
    assert photos / "notes.txt" not in source_files([photos])


def test_a_zoomed_picture_is_the_same_one_and_a_mere_likeness_is_not() -> None:
    photo, other = detailed_picture(1), detailed_picture(2)
    seen = Seen()
    assert not seen.shows(photo)
    assert not seen.shows(other)
    assert seen.shows(np.asarray(cv2.resize(photo[30:200, 40:290], (340, 240))))
    likeness = np.asarray(cv2.GaussianBlur(photo, (0, 0), 20)[:, ::-1])
    assert not seen.shows(likeness)


def test_a_video_gives_the_middle_frame_of_every_shot_that_is_not_flat(tmp_path: Path) -> None:
    shots = [*[picture(1)] * 5, *[picture(2)] * 3, *[np.full((96, 128, 3), 128, np.uint8)] * 2]
    path = write_clip(
        tmp_path / "clip.mp4", seconds=10, fps=1, size=(128, 96), picture=lambda second, _: shots[second]
    )
    first, second = frames_of(path)
    assert (first.name, second.name) == ("clip.mp4 at 2 s", "clip.mp4 at 6 s")
    assert float(pattern_of(first.pixels) @ pattern_of(picture(1))) > 0.98
    assert float(pattern_of(second.pixels) @ pattern_of(picture(2))) > 0.98


def test_frames_are_kept_with_a_short_side_of_at_most_256(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "large.png"), picture(1, 600, 800))
    assert [one.pixels.shape for one in frames_of(tmp_path / "large.png")] == [(256, 341, 3)]


def test_drawn_images_are_the_same_from_the_file_as_fresh(tmp_path: Path) -> None:
    fresh = np.array(drawn(4, tmp_path))
    assert fresh.shape == (4, 160, 160, 3)
    assert fresh.dtype == np.uint8
    assert len({one.tobytes() for one in fresh}) == 4
    (kept,) = tmp_path.iterdir()
    written = kept.stat().st_mtime_ns
    assert np.array_equal(drawn(4, tmp_path), fresh)
    assert kept.stat().st_mtime_ns == written


def test_distractors_that_are_among_the_references_are_left_out(photos: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    cv2.imwrite(str(others / "copy.png"), picture(3))
    cv2.imwrite(str(others / "new.png"), picture(1000))
    assert [one.name for one in collect([photos], [others], "all").distractors] == ["new.png"]


def test_a_folder_with_too_little_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "only.png"), picture(0))
    with pytest.raises(ReprisError, match="too few"):
        collect([tmp_path], [], "all")


@pytest.mark.parametrize(("length", "count"), [(10, 10), (10, 4), (7, 3), (3, 1)])
def test_evenly_spread_positions_are_different_and_no_further_apart_than_need_be(length: int, count: int) -> None:
    chosen = sorted(evenly_spread(length, count, start=2))
    gaps = np.diff([*chosen, chosen[0] + length])
    assert len(set(chosen)) == count
    assert max(gaps) - min(gaps) <= 1


def test_every_edit_and_strength_has_its_queries_and_half_as_many_negatives() -> None:
    groups = list(query_groups(collection(), per_edit=6, seed=0))
    assert [(group.edit, group.strength) for group in groups] == ALL_STRENGTHS
    for group in groups:
        assert len(group.pictures) == len(group.truth) == 9
        assert (group.truth == NO_REFERENCE).sum() == 3
        assert len(set(group.truth[:6].tolist())) == 6


def test_queries_hang_on_the_seed() -> None:
    first, same, other = (next(query_groups(collection(), per_edit=6, seed=seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(one, two) for one, two in zip(first.pictures, same.pictures, strict=True))
    assert any(
        one.shape != two.shape or not np.array_equal(one, two)
        for one, two in zip(first.pictures, other.pictures, strict=True)
    )


# Descriptors


def unedited(frames: Sequence[Frame], negatives: Sequence[Frame]) -> QueryGroup:
    truth = [*range(len(frames)), *[NO_REFERENCE] * len(negatives)]
    return QueryGroup("crop", "light", [one.pixels for one in (*frames, *negatives)], np.array(truth, np.int64))


@pytest.mark.parametrize("embed", [Grey32(), PDQ, PHASH, Hog([])], ids=lambda embed: embed.name)
def test_a_descriptor_finds_every_picture_that_nobody_edited(embed: networks.Embedder) -> None:
    frames = [frame(number) for number in range(20)]
    contest = Contest(embed, [one.pixels for one in frames])
    contest.run(unedited(frames, [frame(number) for number in range(20, 30)]))
    scored = figures(contest.trials[0].of_basic())
    assert (scored.recall_at_1, scored.queries, scored.negatives) == (1.0, 20, 10)
    assert scored.uap == pytest.approx(1.0)


def test_weights_from_a_file_give_what_the_built_in_descriptor_gives_with_them() -> None:
    frames = [picture(number) for number in range(3)]
    file = importlib.resources.files("reprise.weights") / f"{NAME}.onnx"
    with importlib.resources.as_file(file) as weights:
        network = networks.OnnxNetwork(weights)
    assert network.name == NAME
    assert np.allclose(network(frames), networks.BuiltIn()(frames), atol=1e-5)


def test_the_score_of_two_hashes_is_the_share_of_bits_that_agree_less_those_that_differ() -> None:
    own, mirrored = PHASH([picture(0), picture(0)[:, ::-1]])
    differing = int((np.sign(own) != np.sign(mirrored)).sum())
    assert own.shape == (64,)
    assert 0 < differing < 64
    assert float(own @ mirrored) == pytest.approx(1 - 2 * differing / 64, abs=1e-6)
    assert PDQ([picture(0)]).shape == (1, 256)


def test_hog_whitened_on_other_frames_gives_rows_of_length_one() -> None:
    whitened = Hog([picture(number, 32, 32) for number in range(1000, 1512)])
    rows = whitened([picture(0), picture(1)])
    assert whitened.name == "HOG white"
    assert rows.shape == (2, 256)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_with_views_a_query_scores_by_the_best_of_its_frame_and_its_parts() -> None:
    frames = [frame(number) for number in range(6)]
    framed = np.zeros((300, 300, 3), np.uint8)
    framed[10:106, 10:138] = frames[4].pixels
    contest = Contest(Grey32(), [one.pixels for one in frames], views=True)
    group = QueryGroup("crop", "light", [frames[0].pixels, framed], np.array([0, 4]))
    contest.run(group, Parts([frames[4].pixels], owner=np.array([1])))
    whole, best = contest.trials
    assert best.of_basic().references[:, 0].tolist() == [0, 4]
    assert best.of_basic().scores[:, 0].tolist() == pytest.approx([1.0, 1.0], abs=1e-5)
    assert whole.of_basic().scores[1, 0] < 0.9
    assert (whole.vectors, best.vectors, best.queries) == (2, 3, 2)


def test_the_command_prints_its_tables_and_writes_its_figures(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "figures.json"
    arguments = [str(photos), "--part", "all", "--per-edit", "4", "--json", str(written)]
    monkeypatch.setattr(sys, "argv", ["descriptor.py", *arguments])
    descriptor.main()
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= 100
    assert [line.split()[0] for line in told.splitlines() if line.startswith("all ")] == ["all", "all"]
    kept = json.loads(written.read_text())
    names = list(kept["descriptors"])
    assert names[1:] == ["PDQ-like", "DCT hash", "HOG"]
    own = kept["descriptors"][names[0]]
    assert own["all"]["queries"] == 13 * 3 * 4
    assert own["all"]["negatives"] == 13 * 3 * 2
    assert list(own["edits"]) == list(EDITS)
    assert own["edits"]["blur"]["strengths"]["light"]["recall_at_1"] == 1.0
    assert own["edits"]["crop40"]["queries"] == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["nowhere"], "there is no nowhere"), ([".", "--picture-size", "160"], "--picture-size is for --weights")],
)
def test_wrong_usage_is_told_in_a_line(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["descriptor.py", *arguments])
    with pytest.raises(SystemExit) as stopped:
        descriptor.main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
