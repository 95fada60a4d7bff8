"""Who may ask the service, and what it reads."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from serving import Served

from reprise.errors import MissingExtraError, SettingsError
from reprise.service.addresses import check, fetch, is_global
from reprise.service.refusals import RefusedError
from reprise.service.settings import ServiceSettings

Start = Callable[..., Served]
BEARER = {"Authorization": "Bearer open-sesame"}


def test_without_the_token_there_is_the_page_and_the_health_alone(start: Start) -> None:
    one = start(token="open-sesame")
    for path in ("/", "/docs", "/static/page.js", "/static/report.css", "/health"):
        assert one.client.get(path).status_code == 200
    for path in ("/api/videos", "/api/jobs", "/metrics", "/openapi.json", "/search_similarity_videos", "/nothing"):
        answer = one.client.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert one.client.get("/api/videos", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert one.client.get("/api/videos", headers=BEARER).status_code == 200


def test_the_cookie_is_good_for_looking_at_pictures_and_films_alone(start: Start, films: Path) -> None:
    one = start(token="open-sesame", roots=(films / "refs",))
    assert one.client.post("/api/viewer").status_code == 401
    answer = one.client.post("/api/viewer", headers=BEARER)
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "open-sesame" not in answer.headers["set-cookie"]
    # The client keeps the cookie and sends it: no such video, but asked by one who may.
    assert one.client.get(f"/api/videos/{'0' * 32}/media").status_code == 404
    assert one.client.get(f"/api/videos/{'0' * 32}/thumbnail").status_code == 404
    assert one.client.get("/api/videos").status_code == 401
    assert one.client.delete(f"/api/videos/{'0' * 32}").status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.0.7:80", ""])
def test_a_name_that_an_attacker_points_at_this_machine_is_not_answered(shared: Served, host: str) -> None:
    assert shared.client.get("/api/videos", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_this_machines_own_names_are_answered(shared: Served, host: str) -> None:
    assert shared.client.get("/api/videos", headers={"Host": host}).status_code == 200


def test_the_page_of_another_site_can_ask_for_nothing(shared: Served) -> None:
    for origin in ("https://evil.example", "null", "http://localhost:81"):
        answer = shared.client.post("/api/query", files={"file": b"x"}, headers={"Origin": origin})
        assert answer.status_code == 403
    assert shared.client.get("/api/videos", headers={"Origin": "http://localhost"}).status_code == 200


def test_every_answer_tells_browsers_to_run_nothing_from_elsewhere(shared: Served) -> None:
    for path in ("/", "/api/videos", "/nothing"):
        headers = shared.client.get(path).headers
        assert "default-src 'none'; script-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_a_service_that_others_can_reach_needs_a_token(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="give --token too"):
        ServiceSettings("library", tmp_path, host="0.0.0.0")
    assert ServiceSettings("library", tmp_path, host="0.0.0.0", token="word").host == "0.0.0.0"
    assert ServiceSettings("library", tmp_path, host="::1").is_local


def test_links_out_of_the_root_are_not_followed(start: Start, films: Path, tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    for folder in (root, elsewhere):
        folder.mkdir()
    (elsewhere / "secret.mp4").write_bytes((films / "own.mp4").read_bytes())
    (root / "own.mp4").write_bytes((films / "refs" / "b.mp4").read_bytes())
    (root / "file.mp4").symlink_to(elsewhere / "secret.mp4")
    (root / "folder").symlink_to(elsewhere)
    one = start(roots=(root,))
    for path in ("file.mp4", "folder", "folder/secret.mp4", "../elsewhere/secret.mp4", "/", str(tmp_path)):
        for route in ("/api/query", "/api/ingest"):
            answer = one.client.post(route, json={"path": path})
            assert answer.status_code == 422, path
            assert "lies outside" in answer.json()["error"]
    # There or not: the answer is the same.
    assert one.client.post("/api/query", json={"path": "/no/such"}).status_code == 422
    job = one.done(one.client.post("/api/ingest", json={"path": "."}))
    assert [Path(video["path"]).name for video in job["result"]["videos"]] == ["own.mp4"]


def test_no_picture_is_shown_of_references_that_lie_outside_the_root(
    start: Start, films: Path, tmp_path: Path
) -> None:
    one = start(roots=(films / "refs",))
    one.done(one.client.post("/api/ingest", json={"path": "a.mp4"}))
    other = tmp_path / "other-root"
    other.mkdir()
    one.service.places.roots = [str(other)]  # as after a start with another --root
    job = one.upload("/api/query", films / "copy.mp4")
    (match,) = job["result"]["page"]["matches"]
    assert (match["playable"], match["url"]) == (False, "")
    assert [pair["pictures"][1] for pair in match["segments"][0]["pairs"]] == [None] * 4
    assert one.client.get(f"/api/videos/{match['video']}/media").status_code == 404
    assert one.client.get(f"/api/videos/{match['video']}/thumbnail").status_code == 404


def test_a_playlist_that_names_other_files_is_no_video(shared: Served, films: Path, tmp_path: Path) -> None:
    for name, text in {
        "list.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:20\n#EXTINF:20,\n{films}/own.mp4\n#EXT-X-ENDLIST\n",
        "list.mp4": f"ffconcat version 1.0\nfile '{films}/own.mp4'\n",
    }.items():
        (tmp_path / name).write_text(text)
        assert shared.upload("/api/query", tmp_path / name)["status"] == "failed"


PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "not an address",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public_are_known(address: str) -> None:
    assert not is_global(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111"])
def test_public_addresses_are_known(address: str) -> None:
    assert is_global(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/a", "file:///etc/passwd", "s3://", "http://", "http://a::file:///etc/passwd",
        "s3://bucket/a::file:///etc/passwd", "gopher://example.org", "http://exa mple.org/", "http://[::1", "://x",
        "http://example.org:99999/",
    ],
)  # fmt: skip
def test_addresses_of_other_kinds_are_refused(url: str) -> None:
    with pytest.raises(RefusedError, match="no http, https or s3 address"):
        check(url)


class _Films(BaseHTTPRequestHandler):
    """/film.mp4 is 1000 bytes, /to/URL leads there, everything else is missing."""

    def __init__(self, asked: list[str], *arguments: object) -> None:
        self.asked = asked
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
            return
        self.send_response(200 if self.path == "/film.mp4" else 404)
        self.end_headers()
        self.wfile.write(bytes(1000))

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def site() -> Iterator[tuple[str, list[str]]]:
    """A web server on this machine: its address, and what it was asked for."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Films, asked))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_this_machine_is_not_fetched_from_under_any_name(site: tuple[str, list[str]], tmp_path: Path) -> None:
    address, asked = site
    port = address.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost", "0x7f000001", "2130706433", "127.1", "[::ffff:127.0.0.1]", "0"):
        with pytest.raises(RefusedError, match=r"private network|no host of this name|cannot be fetched"):
            fetch(f"http://{host}:{port}/film.mp4", tmp_path / "film", max_bytes=10_000)
    assert asked == []
    assert not (tmp_path / "film").exists()


def test_a_file_is_fetched_where_that_is_permitted_and_redirects_are_looked_at_again(
    site: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, asked = site
    seen: list[str] = []

    def here_only(host: str) -> bool:
        seen.append(host)
        return host == "127.0.0.1"

    fetch(f"{address}/to/{address}/film.mp4", tmp_path / "film", max_bytes=1000, is_permitted=here_only)
    assert (tmp_path / "film").read_bytes() == bytes(1000)
    assert set(seen) == {"127.0.0.1"}
    before = len(asked)
    with pytest.raises(RefusedError, match="private network"):
        fetch(f"{address}/to/http://127.0.0.2/x", tmp_path / "no", max_bytes=1000, is_permitted=here_only)
    assert "127.0.0.2" in seen
    assert asked[before:] == ["/to/http://127.0.0.2/x"]
    for where, complaint in {
        f"{address}/missing": "status 404",
        f"{address}/to/file:///etc/passwd": "no http",
        f"{address}/to/s3://bucket/key": "another kind",
    }.items():
        with pytest.raises(RefusedError, match=complaint):
            fetch(where, tmp_path / "no", max_bytes=1000, is_permitted=here_only)
    with pytest.raises(RefusedError, match="larger than 999 bytes") as caught:
        fetch(f"{address}/film.mp4", tmp_path / "no", max_bytes=999, is_permitted=here_only)
    assert caught.value.status == 413
    assert not (tmp_path / "no").exists()


def test_addresses_in_the_private_network_are_refused_by_the_service_too(
    start: Start, site: tuple[str, list[str]]
) -> None:
    one = start(allow_urls=True)
    answer = one.client.post("/get_video_vector", json={"video_url": f"{site[0]}/film.mp4"})
    assert (answer.status_code, "private network" in answer.json()["error"]) == (422, True)
    answer = one.client.post("/insert_video_vector", json={"video_url": f"{site[0]}/film.mp4"})
    assert answer.status_code == 422
    assert site[1] == []
    assert [*one.service.places.incoming.iterdir(), *one.service.places.videos.iterdir()] == []


def test_an_s3_address_says_what_to_install_where_s3fs_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[s3\]'"):
        fetch("s3://bucket/film.mp4", tmp_path / "film", max_bytes=10)
