"""What clients of the service are answered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from footage import footage
from serving import Served

Start = Callable[..., Served]


def test_a_query_is_answered_as_on_the_command_line_with_what_a_page_needs(
    shared: Served, films: Path, tmp_path: Path
) -> None:
    job = shared.upload("/api/query", films / "copy.mp4")
    assert job["status"] == "done"
    assert run("ingest", films / "refs", "--library", tmp_path / "library").status == 0
    (printed,) = run("query", films / "copy.mp4", "--library", tmp_path / "library", "--json").objects
    assert job["result"]["result"] == printed | {
        "query": "copy.mp4",
        "matches": [match | {"reference": str(films / "refs" / "a.mp4")} for match in printed["matches"]],
    }
    (match,) = job["result"]["page"]["matches"]
    assert match["segments"][0]["pairs"][0]["pictures"][1].startswith("data:image/jpeg;base64,")
    assert match["map"]["image"].startswith("data:image/png;base64,")
    assert match["playable"]
    assert shared.client.get(match["url"], headers={"Range": "bytes=4-7"}).content == b"ftyp"


def test_a_query_without_evidence_has_the_answer_alone(shared: Served, films: Path) -> None:
    job = shared.upload("/api/query", films / "copy.mp4", evidence="false", top_k="1")
    assert len(job["result"]["result"]["matches"]) == 1
    assert job["result"]["page"] is None


def test_ends_are_refined_on_demand(shared: Served, films: Path) -> None:
    job = shared.upload("/api/query", films / "copy.mp4", refine="true")
    for told in (job["result"]["result"], job["result"]["page"]):
        (match,) = told["matches"]
        assert match["segments"][0]["segment"] == pytest.approx([3, 5, 13, 15], abs=0.15)


def test_what_is_uploaded_for_a_question_is_removed_when_it_is_answered(shared: Served, films: Path) -> None:
    shared.upload("/api/query", films / "own.mp4")
    assert list(shared.service.places.incoming.iterdir()) == []


def test_a_file_under_the_root_is_asked_about_by_its_name(shared: Served) -> None:
    job = shared.done(shared.client.post("/api/query", json={"path": "a.mp4", "evidence": False}))
    (match,) = job["result"]["result"]["matches"]
    assert match["segments"][0]["segment"] == [0, 0, 20, 20]


def test_two_uploaded_videos_are_compared(shared: Served, films: Path) -> None:
    with (films / "copy.mp4").open("rb") as a, (films / "refs" / "a.mp4").open("rb") as b:
        answer = shared.client.post("/api/compare", files={"a": ("one.mp4", a), "b": ("two.mp4", b)})
    result = shared.done(answer)["result"]
    (match,) = result["result"]["matches"]
    assert (result["result"]["query"], match["reference"]) == ("one.mp4", "two.mp4")
    assert match["segments"][0]["segment"] == pytest.approx([3, 5, 13, 15], abs=1)
    assert result["page"]["matches"][0]["segments"][0]["pairs"][0]["pictures"][1] is not None


def test_a_check_is_answered_as_on_the_command_line(shared: Served, films: Path, tmp_path: Path) -> None:
    assert run("ingest", films / "refs", "--library", tmp_path / "library").status == 0
    for name, verdict in (("copy.mp4", "contained-in"), ("own.mp4", "new"), ("refs/b.mp4", "exact")):
        job = shared.upload("/api/check", films / name)
        (printed,) = run("check", films / name, "--library", tmp_path / "library", "--json").objects
        # On the command line refs/b.mp4 is the library's own file.
        assert job["result"]["result"] == printed | {"video": Path(name).name, "remarks": []}
        assert printed["verdict"] == verdict
    assert list(shared.service.places.incoming.iterdir()) == []


def test_a_check_says_what_counts_as_most_of_a_video_and_knows_files_by_their_names(shared: Served) -> None:
    job = shared.done(shared.client.post("/api/check", json={"path": "a.mp4", "most": 0.9}))
    result = job["result"]["result"]
    assert (result["video"], result["verdict"], result["stage"]) == ("a.mp4", "exact", "hash")
    assert result["remarks"] == ["the library has this very file already"]
    refused = shared.client.post("/api/check", json={"path": "a.mp4", "most": 0.2})
    assert (refused.status_code, refused.json()["error"].startswith("most: ")) == (422, True)


def test_a_file_that_cannot_be_checked_fails_under_the_name_that_it_was_sent_with(
    shared: Served, tmp_path: Path
) -> None:
    for content in (b"", b"Dear reader"):
        (tmp_path / "letter.mp4").write_bytes(content)
        job = shared.upload("/api/check", tmp_path / "letter.mp4")
        assert (job["status"], job["error"].startswith("letter.mp4: ")) == ("failed", True)


def test_an_uploaded_reference_is_kept_until_it_is_removed(start: Start, films: Path) -> None:
    one = start()
    job = one.upload("/api/ingest", films / "refs" / "a.mp4", tags=["news", "new"])
    (video,) = job["result"]["videos"]
    told = one.client.get(f"/api/videos/{video['id']}").json()
    assert (told["tags"], told["playable"], told["duration"]) == (["news", "new"], True, 20.0)
    assert one.client.get(f"/api/videos/{video['id']}/media").content == (films / "refs" / "a.mp4").read_bytes()
    again = one.upload("/api/ingest", films / "refs" / "a.mp4")
    assert [v["status"] for v in again["result"]["videos"]] == ["unchanged"]
    assert len(list(one.service.places.videos.iterdir())) == 1
    assert one.client.delete(f"/api/videos/{video['id']}").json()["status"] == "removed"
    assert list(one.service.places.videos.iterdir()) == []
    assert one.client.get(f"/api/videos/{video['id']}").status_code == 404
    assert one.client.delete(f"/api/videos/{video['id']}").status_code == 404


def test_removing_a_video_of_the_root_leaves_its_file_alone(start: Start, films: Path) -> None:
    one = start(roots=(films,))
    job = one.done(one.client.post("/api/ingest", json={"path": "own.mp4"}))
    one.client.delete(f"/api/videos/{job['result']['videos'][0]['id']}")
    assert (films / "own.mp4").is_file()


def test_a_folder_is_ingested_with_the_outcome_of_every_video(start: Start, films: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "good.mp4").write_bytes((films / "own.mp4").read_bytes())
    (root / "bad.mp4").write_text("no video")
    (root / "notes.txt").write_text("notes")
    one = start(roots=(root,))
    job = one.done(one.client.post("/api/ingest", json={"path": str(root)}))
    outcomes = {Path(video["path"]).name: video["status"] for video in job["result"]["videos"]}
    assert outcomes == {"good.mp4": "added", "bad.mp4": "failed"}
    assert job["progress"] == {"stage": "done", "done": 2, "total": 2}
    assert [Path(path).name for path in job["result"]["skipped"]] == ["notes.txt"]


def test_a_file_that_is_no_video_fails_with_a_line_that_names_it_as_it_was_sent(
    shared: Served, tmp_path: Path
) -> None:
    (tmp_path / "letter.mp4").write_text("Dear reader")
    job = shared.upload("/api/query", tmp_path / "letter.mp4")
    assert job["status"] == "failed"
    assert job["error"].startswith("letter.mp4: ")
    assert "\n" not in job["error"]


def test_videos_are_listed_page_by_page_and_by_tag_and_name(shared: Served) -> None:
    def names(**query: Any) -> list[str]:
        told = shared.client.get("/api/videos", params=query).json()
        return [Path(video["path"]).name for video in told["videos"]]

    assert names() == names(tag="news") == ["a.mp4", "b.mp4"]
    assert names(limit=1) == ["a.mp4"]
    assert names(limit=1, offset=1) == names(name="B.MP") == ["b.mp4"]
    assert names(tag="sports") == []
    assert shared.client.get("/api/videos").json()["tags"] == ["news"]


def test_a_picture_finds_its_second(shared: Served) -> None:
    (video,) = [v for v in shared.client.get("/api/videos").json()["videos"] if v["path"].endswith("b.mp4")]
    picture = shared.client.get(f"/api/videos/{video['id']}/thumbnail", params={"time": 7.3})
    assert picture.headers["content-type"] == "image/jpeg"
    hits = shared.client.post("/api/search", files={"image": ("x.jpg", picture.content)}).json()["hits"]
    assert (hits[0]["id"], hits[0]["best"]) == (video["id"], 7.0)
    assert hits[0]["score"] > 0.9
    assert list(shared.service.places.incoming.iterdir()) == []


def test_a_search_for_words_is_refused_where_the_network_reads_none(shared: Served) -> None:
    answer = shared.client.post("/api/search", json={"text": "a red car"})
    assert (answer.status_code, "search with --image" in answer.json()["error"]) == (409, True)


def test_a_file_that_is_no_picture_is_refused(shared: Served) -> None:
    answer = shared.client.post("/api/search", files={"image": ("x.jpg", b"not a picture")})
    assert (answer.status_code, "not a picture" in answer.json()["error"]) == (422, True)


SAMPLE = [
    ("/get_video_vector", {"video_url": "a.mp4"}),
    ("/insert_video_vector", {"video_url": "a.mp4"}),
    ("/search_similarity_videos", {"video_url": "a.mp4", "size": 1}),
    ("/video_similarity", {"video_url_1": "a.mp4", "video_url_2": "b.mp4"}),
]


def test_the_samples_routes_answer_in_its_shapes(start: Start, films: Path) -> None:
    one = start(roots=(films / "refs",))
    assert one.client.post("/insert_video_vector", json={"video_url": "a.mp4"}).json() == {"result": 20}
    assert one.client.post("/insert_video_vector", json={"video_url": "b.mp4"}).json() == {"result": 12}
    assert one.client.post("/insert_video_vector", json={"video_url": "b.mp4"}).json() == {"result": 12}
    vectors = one.client.post("/get_video_vector", json={"video_url": "b.mp4"}).json()
    assert list(vectors["video_vectors"]) == [f"image_{number:03d}" for number in range(1, 13)]
    assert [list(frame) for frame in vectors["result"]] == [[f"frame_{number}"] for number in range(12)]
    assert len(vectors["video_vectors"]["image_001"]) == 256
    found = one.client.post("/search_similarity_videos", json={"video_url": "a.mp4", "size": 2}).json()
    assert found == one.client.get("/search_similarity_videos", params={"video_url": "a.mp4", "size": 2}).json()
    as_documented = one.client.request("GET", "/search_similarity_videos", json={"video_url": "a.mp4", "size": 2})
    assert as_documented.json() == found
    # As it was inserted, and itself first.
    assert found["videos"][0]["video_url"] == "a.mp4"
    assert found["videos"][0]["score"] > 0.99
    same, other = (
        one.client.post("/video_similarity", json={"video_url_1": "a.mp4", "video_url_2": name}).json()["score"]
        for name in ("a.mp4", "b.mp4")
    )
    assert same == 1.0
    assert other < 0.8


@pytest.mark.parametrize(("route", "body"), SAMPLE)
def test_the_samples_routes_read_nothing_outside_the_root(
    shared: Served, films: Path, route: str, body: dict[str, Any]
) -> None:
    for outside in ("../copy.mp4", str(films / "copy.mp4"), "/etc/passwd", "http://example.org/a.mp4"):
        changed = {key: outside if isinstance(value, str) else value for key, value in body.items()}
        answer = shared.client.post(route, json=changed)
        assert answer.status_code == 422, answer.text


def test_what_is_counted_is_told_to_prometheus(shared: Served) -> None:
    shared.client.get("/api/videos")
    text = shared.client.get("/metrics").text
    listed = r'^reprise_requests_total\{method="GET",route="/api/videos",status="200"\} [1-9]'
    assert re.search(listed, text, re.MULTILINE)
    assert re.search(r'^reprise_request_seconds_count\{route="/api/videos"\} [1-9]', text, re.MULTILINE)
    assert re.search(r"^reprise_library_videos 2\.0$", text, re.MULTILINE)
    assert re.search(r"^reprise_library_frames 32\.0$", text, re.MULTILINE)
    assert re.search(r"^reprise_queue_length 0\.0$", text, re.MULTILINE)
    assert re.search(r'^reprise_jobs\{status="done"\} [1-9]', text, re.MULTILINE)


@pytest.mark.parametrize(
    ("request_of", "status"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"[]", "headers": {"content-type": "application/json"}}, 422),
        ({"content": b"x", "headers": {"content-type": "text/plain"}}, 415),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}}, 400),
        ({"json": {}}, 422),
        ({"json": {"path": "a.mp4", "top_k": 0}}, 422),
        ({"json": {"path": "a.mp4", "aligner": "none"}}, 422),
        ({"json": {"path": "a.mp4", "colour": "red"}}, 422),
        ({"json": {"path": "missing.mp4"}}, 404),
        ({"json": {"path": "a\0b"}}, 422),
        ({"files": {"film": ("a.mp4", b"x")}}, 422),
        ({"files": [("file", ("a.mp4", b"x")), ("file", ("b.mp4", b"x"))]}, 422),
        ({"files": {"file": ("a.mp4", b"x")}, "data": {"path": "a.mp4"}}, 422),
    ],
)
def test_a_request_that_cannot_be_met_is_answered_with_one_line_and_leaves_nothing(
    shared: Served, request_of: dict[str, Any], status: int
) -> None:
    answer = shared.client.post("/api/query", **request_of)
    assert (answer.status_code, list(answer.json())) == (status, ["error"]), answer.text
    assert "\n" not in answer.json()["error"]
    assert list(shared.service.places.incoming.iterdir()) == []


def test_a_file_that_is_too_large_is_refused_while_it_comes(start: Start) -> None:
    one = start(max_upload_bytes=100_000)
    answer = one.client.post("/api/query", files={"file": ("a.mp4", bytes(100_001))})
    assert (answer.status_code, list(one.service.places.incoming.iterdir())) == (413, [])
    answer = one.client.post("/api/query", files={"file": ("a.mp4", bytes(4_000_000))})
    assert answer.status_code == 413
    assert "--max-upload" in answer.json()["error"]


def test_a_video_that_is_too_long_fails_before_it_is_looked_at(start: Start, films: Path) -> None:
    one = start(max_duration_s=5)
    job = one.upload("/api/query", films / "own.mp4")
    assert job["error"].startswith("own.mp4: lasts 6 s and at most 5 s are taken")
    assert one.upload("/api/ingest", films / "own.mp4")["status"] == "failed"
    assert list(one.service.places.videos.iterdir()) == []


@pytest.mark.parametrize("name", ["../../up.mp4", "/etc/x.mp4", "..", "", "a\0b.mp4", "x" * 400 + ".mp4", ".hidden"])
def test_a_file_name_leads_nowhere(start: Start, films: Path, name: str) -> None:
    one = start()
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n' % name.encode()
    body += (films / "own.mp4").read_bytes() + b"\r\n--b--\r\n"
    answer = one.client.post("/api/ingest", content=body, headers={"content-type": "multipart/form-data; boundary=b"})
    if answer.status_code == 400:  # a zero byte may not stand in a header
        return
    (video,) = one.done(answer)["result"]["videos"]
    assert Path(video["path"]).parent.parent == one.service.places.videos


def test_every_error_of_an_unknown_route_is_json_too(shared: Served) -> None:
    assert shared.client.get("/nothing").json() == {"error": "not found"}
    assert shared.client.put("/api/videos").status_code == 405
    assert shared.client.get("/api/jobs/" + "0" * 32).status_code == 404
    assert list(json.loads(shared.client.get("/api/videos?limit=x").text)) == ["error"]


def test_thumbnails_of_a_video_whose_file_is_gone_are_not_found(start: Start, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    footage(root / "film.mp4", range(5), seed=3)
    one = start(roots=(root,))
    job = one.done(one.client.post("/api/ingest", json={"path": "film.mp4"}))
    (root / "film.mp4").unlink()
    id = job["result"]["videos"][0]["id"]  # noqa: A001 - as the service calls it
    assert [one.client.get(f"/api/videos/{id}/{part}").status_code for part in ("thumbnail", "media", "")][:2] == [
        404,
        404,
    ]
    assert one.client.get(f"/api/videos/{id}").json()["playable"] is False
