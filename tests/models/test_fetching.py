"""Weights are downloaded whole and checked, or not at all; what broke off goes on where it ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from publication import CONTENT, NAME, Publication, published

from reprise.errors import DownloadError
from reprise.models.fetching import PIECE_BYTES, TRIES, fetch
from reprise.models.network import Network
from reprise.models.part import Part

SIZE = len(CONTENT)
CUT = 6 * PIECE_BYTES


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publication]:
    """The file, served as it should be; a test changes what it is about."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with published(Publication()) as publication:
        yield publication


def fetched(network: Network, folder: Path) -> bytes:
    path = fetch(network, network.weights[0], folder, pause_s=0)
    assert path == folder / NAME
    assert [entry.name for entry in folder.iterdir()] == [NAME]
    return path.read_bytes()


def refusal(network: Network, folder: Path) -> str:
    """What is said, in one line that names the network, when the download fails."""
    with pytest.raises(DownloadError) as failed:
        fetch(network, network.weights[0], folder, pause_s=0)
    message = str(failed.value)
    assert message.startswith("model tiny: ")
    assert "\n" not in message
    return message


def test_a_file_is_downloaded_with_its_progress(server: Publication, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    network = server.network(size_bytes=SIZE, sha256=server.sha256)
    path = fetch(network, network.weights[0], tmp_path / "new" / "folder", on_progress=lambda *at: told.append(at))
    assert path.read_bytes() == CONTENT
    assert told[0] == (0, SIZE)
    assert told[-1] == (SIZE, SIZE)
    assert told == sorted(told)
    assert server.sent == [SIZE]


def test_a_file_that_is_known_by_its_folder_is_put_into_one(server: Publication, tmp_path: Path) -> None:
    published_file = replace(server.network().weights[0], name=f"ViT/{NAME}")
    assert fetch(server.network(), published_file, tmp_path) == tmp_path / "ViT" / NAME
    assert [entry.name for entry in (tmp_path / "ViT").iterdir()] == [NAME]


def test_the_beginning_of_a_hash_is_checked_as_well(server: Publication, tmp_path: Path) -> None:
    assert fetched(server.network(sha256=server.sha256[:8].upper()), tmp_path) == CONTENT


def test_a_connection_that_breaks_off_is_taken_up_where_it_ended(server: Publication, tmp_path: Path) -> None:
    server.cuts = [CUT, 2 * CUT]
    assert fetched(server.network(sha256=server.sha256), tmp_path) == CONTENT
    assert server.sent == [CUT, 2 * CUT, SIZE - 3 * CUT]


def test_what_an_earlier_call_left_is_not_downloaded_again(server: Publication, tmp_path: Path) -> None:
    server.cuts = [PIECE_BYTES] * TRIES
    message = refusal(server.network(), tmp_path)
    assert f"broke off {TRIES} times" in message
    assert f"fetch again to go on after the {PIECE_BYTES * TRIES} bytes that are here" in message
    assert not (tmp_path / NAME).exists()
    server.sent.clear()
    assert fetched(server.network(), tmp_path) == CONTENT
    assert server.sent == [SIZE - PIECE_BYTES * TRIES]


def test_a_server_without_ranges_is_asked_for_everything_again(server: Publication, tmp_path: Path) -> None:
    server.takes_ranges = False
    server.cuts = [CUT]
    assert fetched(server.network(), tmp_path) == CONTENT
    assert server.sent == [CUT, SIZE]


def test_a_part_of_another_version_is_not_gone_on_with(server: Publication, tmp_path: Path) -> None:
    server.cuts = [PIECE_BYTES] * TRIES
    refusal(server.network(), tmp_path)
    assert (tmp_path / f"{NAME}.part").stat().st_size == TRIES * PIECE_BYTES
    server.content, server.etag = CONTENT[::-1], '"second"'
    assert fetched(server.network(), tmp_path) == CONTENT[::-1]


def test_a_server_that_forgets_to_compare_versions_gives_no_mixture(server: Publication, tmp_path: Path) -> None:
    server.last_modified = "Wed, 21 Oct 2026 07:28:00 GMT"
    with Part(tmp_path / f"{NAME}.part") as part:
        part.append(b"of another version")
        part.set_version(server.last_modified)  # by which the server takes it, while it tells another ETag
    assert fetched(server.network(), tmp_path) == CONTENT
    assert server.sent == [SIZE - len(b"of another version"), SIZE]


def test_the_date_of_a_file_stands_in_for_a_version(server: Publication, tmp_path: Path) -> None:
    server.etag, server.last_modified = "", "Wed, 21 Oct 2026 07:28:00 GMT"
    server.cuts = [CUT]
    assert fetched(server.network(), tmp_path) == CONTENT
    assert server.sent == [CUT, SIZE - CUT]


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_a_file_of_no_sure_version_is_downloaded_in_one_go(etag: str, server: Publication, tmp_path: Path) -> None:
    server.etag = etag
    server.cuts = [CUT]
    assert fetched(server.network(), tmp_path) == CONTENT
    assert server.sent == [CUT, SIZE]


def test_a_part_longer_than_the_file_is_thrown_away(server: Publication, tmp_path: Path) -> None:
    server.cuts = [PIECE_BYTES] * TRIES
    refusal(server.network(), tmp_path)
    server.content = CONTENT[:1000]
    server.sent.clear()
    assert fetched(server.network(), tmp_path) == CONTENT[:1000]
    assert server.sent == [0, 1000]


def test_a_busy_server_is_asked_again(server: Publication, tmp_path: Path) -> None:
    server.statuses = [503, 429]
    assert fetched(server.network(), tmp_path) == CONTENT
    assert server.sent == [0, 0, SIZE]


def test_a_server_that_stays_busy_is_given_up(server: Publication, tmp_path: Path) -> None:
    server.statuses = [503] * 100
    assert f"broke off {TRIES} times (HTTP 503 Service Unavailable)" in refusal(server.network(), tmp_path)
    assert len(server.sent) == TRIES


@pytest.mark.parametrize("status", [404, 403])
def test_a_file_that_is_not_there_is_not_asked_for_twice(status: int, server: Publication, tmp_path: Path) -> None:
    server.statuses = [status] * 2
    message = refusal(server.network(), tmp_path)
    assert f"{server.url} answers HTTP {status}" in message
    assert f"see https://tiny.example, or get the file by other means and place it as {tmp_path / NAME}" in message
    assert len(server.sent) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_web_page_is_not_taken_for_the_file(content_type: str, server: Publication, tmp_path: Path) -> None:
    server.content = b"\n<!DOCTYPE html>\n<html><body>Quota exceeded</body></html>"
    server.content_type = content_type
    message = refusal(server.network(), tmp_path)
    assert "answers with a web page, not with the file" in message
    assert f"place the file as {tmp_path / NAME}" in message
    assert list(tmp_path.iterdir()) == []


def test_an_empty_answer_is_not_taken_for_the_file(server: Publication, tmp_path: Path) -> None:
    server.content = b""
    assert "is not the published file: it is empty" in refusal(server.network(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_another_hash_is_removed(server: Publication, tmp_path: Path) -> None:
    message = refusal(server.network(sha256="0123456789abcdef"), tmp_path)
    assert f"its SHA-256 begins with {server.sha256[:12]}, not with 0123456789ab; what was downloaded is" in message
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_size_is_not_begun(server: Publication, tmp_path: Path) -> None:
    message = refusal(server.network(size_bytes=SIZE + 1), tmp_path)
    assert f"has {SIZE} bytes, not the {SIZE + 1} that are published" in message
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_there_is_no_room_for_is_not_begun(server: Publication, tmp_path: Path) -> None:
    server.told_length = 10**18
    message = refusal(server.network(), tmp_path)
    assert f"and {10**18} are needed; make room, or name another folder in REPRISE_WEIGHTS" in message
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_a_part_that_is_gone_on_with(server: Publication, tmp_path: Path) -> None:
    # A limit on the size of files stands in for a full disk: the system refuses to write at the same place.
    script = (
        "import resource, sys; from pathlib import Path; from reprise.models.network import *\n"
        "from reprise.models.fetching import fetch\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "published = WeightsFile(sys.argv[1], sys.argv[2])\n"
        "network = Network('tiny', '', '', '', 32, 8, weights=(published,))\n"
        "try:\n    fetch(network, published, Path(sys.argv[3]))\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    arguments = [sys.executable, "-c", script, NAME, server.url, str(tmp_path)]
    finished = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60)
    assert finished.stdout.startswith(f"DownloadError model tiny: {tmp_path} cannot be written (")
    assert "; make room, or name another folder in REPRISE_WEIGHTS" in finished.stdout
    here = (tmp_path / f"{NAME}.part").stat().st_size
    assert 0 < here <= 300_000
    server.sent.clear()
    assert fetched(server.network(), tmp_path) == CONTENT
    assert server.sent == [SIZE - here]


def test_without_a_network_it_is_said_how_to_place_the_file_by_hand(tmp_path: Path) -> None:
    with published(Publication()) as gone:
        network = gone.network()
    message = refusal(network, tmp_path)
    assert message == (
        f"model tiny: {gone.url} cannot be reached (Connection refused); get the file by other means and place it as "
        f"{tmp_path / NAME}"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_is_none_is_told(tmp_path: Path) -> None:
    for url, reason in (("", "has no address"), ("nowhere/tiny.pth", "nowhere/tiny.pth cannot be loaded")):
        network = Publication(url=url).network()
        message = refusal(network, tmp_path)
        assert reason in message
        assert f"place it as {tmp_path / NAME}" in message


def test_a_folder_that_cannot_be_made_is_named(server: Publication, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    message = refusal(server.network(), tmp_path / "file" / "folder")
    assert f"{tmp_path / 'file'}" in message
    assert "cannot be written (Not a directory); make it writable, or name another folder" in message


def test_two_downloads_of_one_file_do_not_mix(server: Publication, tmp_path: Path) -> None:
    with (
        Part(tmp_path / f"{NAME}.part"),
        pytest.raises(DownloadError, match=r"tiny\.pth\.part: another process is downloading it; wait until it ends"),
    ):
        fetch(server.network(), server.network().weights[0], tmp_path)
    assert server.sent == []


def test_what_was_there_is_kept_until_the_new_file_is_whole(server: Publication, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"old")
    server.statuses = [404]
    refusal(server.network(), tmp_path)
    assert (tmp_path / NAME).read_bytes() == b"old"
    assert fetched(server.network(), tmp_path) == CONTENT
