"""Weights are found in a fixed order, known by their hash, and doubted where they are not the published ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from reprise.errors import MissingWeightsError, SettingsError, WeightsError
from reprise.models.catalogue import BUILT_IN, ISC, NETWORKS
from reprise.models.network import Network, WeightsFile
from reprise.models.weights import doubt, find_weights, folders, identity, name_of
from reprise.settings import EmbedSettings

CONTENT = b"numbers"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAMES = ("first.pth", "second.safetensors")


def network(**facts: object) -> Network:
    weights = tuple(WeightsFile(name, f"https://tiny.example/{name}") for name in NAMES)
    known = {"title": "", "operator": "", "load": "", "picture": 32, "dimension": 8, "weights": weights}
    return Network(name="tiny", **(known | facts))  # type: ignore[arg-type]


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that $REPRISE_WEIGHTS names."""
    folder = tmp_path / "named"
    folder.mkdir()
    monkeypatch.setenv("REPRISE_WEIGHTS", str(folder))
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in the user's cache, with no $REPRISE_WEIGHTS unless a test asks for it."""
    monkeypatch.delenv("REPRISE_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "reprise" / "weights"
    folder.mkdir(parents=True)
    return folder


def place(folder: Path, name: str = NAMES[0], content: bytes = CONTENT) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_given_file_comes_first_then_the_named_folder_then_the_cache(cache: Path, named: Path) -> None:
    in_cache, in_named, given = place(cache), place(named), place(named, "own.bin")
    assert find_weights(network(), given) == given
    assert find_weights(network()) == in_named
    in_named.unlink()
    assert find_weights(network()) == in_cache


def test_any_of_the_published_files_serves_and_the_first_is_taken(cache: Path) -> None:
    second = place(cache, NAMES[1])
    assert find_weights(network()) == second
    assert find_weights(network()) == second
    assert find_weights(network()) != place(cache, NAMES[0])
    assert find_weights(network()) == cache / NAMES[0]


def test_a_part_of_a_download_is_not_taken_for_the_weights(cache: Path) -> None:
    place(cache, f"{NAMES[0]}.part")
    with pytest.raises(MissingWeightsError):
        find_weights(network())


def test_missing_weights_are_told_with_where_they_were_looked_for(cache: Path, named: Path) -> None:
    with pytest.raises(MissingWeightsError) as missing:
        find_weights(network())
    assert str(missing.value) == (
        f"model tiny: its weights first.pth or second.safetensors are not in {named} and {cache}; `reprise models "
        "fetch tiny` downloads them and says how to place them by hand"
    )


def test_a_given_file_that_is_not_there_is_named(tmp_path: Path, cache: Path) -> None:
    place(cache)  # which is not used in its place
    with pytest.raises(MissingWeightsError, match=rf"^{tmp_path}/gone\.pth: no such file; give the weights of tiny"):
        find_weights(network(), tmp_path / "gone.pth")


def test_a_folder_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match=rf"^{tmp_path}: a folder; give the file with the weights of tiny"):
        find_weights(network(), tmp_path)


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place(tmp_path)
    monkeypatch.setenv("REPRISE_WEIGHTS", str(path))
    with pytest.raises(MissingWeightsError, match=rf"^REPRISE_WEIGHTS={path} is a file, not a folder; name its"):
        find_weights(network())


def test_a_named_folder_that_is_not_there_yet_is_passed_by(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRISE_WEIGHTS", str(tmp_path / "later"))
    assert folders() == [tmp_path / "later", cache]
    assert place(cache) == find_weights(network())


def test_the_home_is_where_the_cache_is_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folders() == [tmp_path / ".cache" / "reprise" / "weights"]
    monkeypatch.setenv("REPRISE_WEIGHTS", "~/weights")
    assert folders()[0] == tmp_path / "weights"


def test_the_identity_is_the_name_and_the_beginning_of_the_hash(cache: Path) -> None:
    path = place(cache)
    assert identity(network()) == f"tiny@{SHA256[:12]}"
    assert identity(network(), path) == identity(network())
    assert name_of(identity(network())) == "tiny"
    assert identity(BUILT_IN) == "reprise-1"
    assert name_of(identity(BUILT_IN)) == "reprise"


def test_the_identity_follows_a_file_that_is_replaced(cache: Path) -> None:
    path = place(cache)
    before = identity(network())
    path.write_bytes(b"other numbers")
    assert identity(network()) == f"tiny@{hashlib.sha256(b'other numbers').hexdigest()[:12]}" != before


def test_a_name_with_dashes_survives_in_the_identity() -> None:
    assert name_of("sscd-large@0123456789ab") == "sscd-large"


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    folder, gone = tmp_path, tmp_path / "gone.pth"
    with pytest.raises(WeightsError, match=rf"^{folder}: cannot be read \(Is a directory\)$"):
        doubt(WeightsFile(NAMES[0], "", sha256="ab"), folder)
    with pytest.raises(WeightsError, match=rf"^{gone}: cannot be read \(No such file or directory\)$"):
        doubt(WeightsFile(NAMES[0], "", sha256="ab"), gone)


@pytest.mark.parametrize(
    ("size_bytes", "sha256", "reason"),
    [
        (None, "", ""),
        (len(CONTENT), SHA256, ""),
        (None, SHA256[:8].upper(), ""),
        (8, SHA256, "it has 7 bytes, not 8"),
        (7, "0" * 64, f"its SHA-256 begins with {SHA256[:12]}, not with 000000000000"),
        (None, "abcd", f"its SHA-256 begins with {SHA256[:4]}, not with abcd"),
    ],
)
def test_a_file_is_doubted_for_its_size_and_hash_alone(
    size_bytes: int | None, sha256: str, reason: str, tmp_path: Path
) -> None:
    assert doubt(WeightsFile(NAMES[0], "", size_bytes, sha256), place(tmp_path)) == reason


def test_weights_for_the_built_in_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the weights of model reprise are part of Reprise; leave --weights out"):
        EmbedSettings(weights=str(place(tmp_path)))


@pytest.mark.parametrize("known", NETWORKS.values(), ids=lambda known: known.name)
def test_every_network_says_where_it_is_from_and_on_what_terms(known: Network) -> None:
    assert known.title
    assert known.source
    assert known.licence
    assert known.citation or known is BUILT_IN
    for published in known.weights:
        assert published.url.startswith(("https://", "http://"))
        assert Path("folder", published.name).resolve().is_relative_to(Path("folder").resolve())
        assert published.size_bytes is None or published.size_bytes > 0
        assert set(published.sha256) <= set("0123456789abcdef")
        assert len(published.sha256) <= 64


def test_files_of_one_name_are_one_published_file() -> None:
    # They lie in one folder; variants of a network may share a file.
    published = {file for known in NETWORKS.values() for file in known.weights}
    assert len({file.name for file in published}) == len(published)
    assert ISC.weights[0] in published
