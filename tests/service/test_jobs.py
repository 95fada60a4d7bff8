"""Jobs: how many wait, what becomes of them when the service ends, and what a crash costs."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from command_line import children, is_running, run, wait_until
from footage import looped
from serving import Served, running

from reprise.errors import DecodeError
from reprise.service.jobs import Job, Jobs, Source
from reprise.service.processes import Worker
from reprise.service.refusals import RefusedError

Start = Callable[..., Served]


@pytest.fixture
def long_film(films: Path, tmp_path: Path) -> Path:
    """A video that takes seconds to look at."""
    (tmp_path / "long").mkdir()
    return looped(tmp_path / "long" / "long.mp4", films / "refs" / "a.mp4", 80)


def jobs_of(folder: Path, work: Callable[[Job, Worker], object], queue: int = 2) -> Jobs:
    """A queue with one thread."""
    (folder / "results").mkdir(exist_ok=True)
    return Jobs(work, state=folder, queue=queue, workers=1, time_limit_s=60, after=lambda _: None)


def answers(address: str) -> bool:
    """Whether the service still takes requests."""
    try:
        return httpx2.get(f"{address}/health").status_code == 200
    except httpx2.TransportError:
        return False


def job_of(name: str) -> Job:
    """A job that asks about a file of this name."""
    return Job("query", [Source("file", f"/films/{name}", name)])


def submit(jobs: Jobs, job: Job) -> Job:
    """Puts it into the queue."""
    with jobs.place():
        return jobs.submit(job)


def test_a_full_queue_refuses_and_says_when_to_come_again(tmp_path: Path) -> None:
    go_on = threading.Event()
    jobs = jobs_of(tmp_path, lambda *_: go_on.wait(60))
    jobs.start()
    first = submit(jobs, job_of("0"))
    wait_until(lambda: first.status == "running")
    waiting = [submit(jobs, job_of(name)) for name in "12"]
    with pytest.raises(RefusedError) as caught:
        submit(jobs, job_of("3"))
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "5"})
    go_on.set()
    assert [job.over.result(60) for job in (first, *waiting)] == [True, True, True]
    jobs.stop()


def test_a_place_is_kept_while_a_file_is_being_received(tmp_path: Path) -> None:
    jobs = jobs_of(tmp_path, lambda *_: None, queue=1)
    with jobs.place(), pytest.raises(RefusedError, match="1 jobs are waiting"), jobs.place():
        pass
    with jobs.place():
        assert jobs.waiting() == 0


def test_a_stop_ends_the_running_job_and_the_next_start_does_those_that_waited(tmp_path: Path) -> None:
    go_on = threading.Event()
    jobs = jobs_of(tmp_path, lambda job, _: go_on.wait(60) and job.sources[0].name)
    jobs.start()
    running_job = submit(jobs, job_of("first"))
    wait_until(lambda: running_job.status == "running")
    waiting = submit(jobs, job_of("second"))
    jobs.release()
    with pytest.raises(RefusedError, match="is done at its next start"):
        waiting.over.result(60)
    with pytest.raises(RefusedError, match="shutting down"):
        submit(jobs, job_of("third"))
    go_on.set()
    jobs.stop()
    assert running_job.over.result(0) == "first"
    again = jobs_of(tmp_path, lambda job, _: job.sources[0].name)
    assert [job.id for job in again.all()] == [waiting.id]
    again.start()
    assert again.get(waiting.id).over.result(60) == "second"
    again.stop()


def test_a_job_during_which_the_service_was_killed_twice_is_given_up(tmp_path: Path) -> None:
    entry = job_of("bad").to_journal()
    (tmp_path / "journal.json").write_text(json.dumps([entry | {"tries": 2}, job_of("good").to_journal()]))
    jobs = jobs_of(tmp_path, lambda *_: None)
    assert [(job.sources[0].name, job.status) for job in jobs.all()] == [("good", "queued"), ("bad", "failed")]


def test_a_fault_of_our_own_fails_its_job_alone(tmp_path: Path) -> None:
    jobs = jobs_of(tmp_path, lambda job, _: 1 / int(job.sources[0].name))
    jobs.start()
    bad, good = submit(jobs, job_of("0")), submit(jobs, job_of("2"))
    assert good.over.result(60) == 0.5
    assert (bad.status, bad.error) == ("failed", "internal fault (ZeroDivisionError: division by zero)")
    jobs.stop()


def test_a_worker_that_is_killed_fails_its_task_and_the_next_one_has_a_new_worker(
    films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(60)
    assert worker.run("thumbnail", str(films / "own.mp4"), 1.0).startswith(b"\xff\xd8")
    process, connection = worker._process, worker._connection
    assert process is not None
    assert connection is not None
    os.kill(process.pid, signal.SIGSTOP)
    send, is_sent = connection.send, threading.Event()
    monkeypatch.setattr(connection, "send", lambda task: (send(task), is_sent.set()))
    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(worker.run, "thumbnail", str(films / "own.mp4"), 1.0)
        assert is_sent.wait(60)  # before that another process would be started for the task
        process.kill()
        with pytest.raises(DecodeError, match="SIGKILL"):
            task.result(60)
    assert worker.run("thumbnail", str(films / "own.mp4"), 1.0).startswith(b"\xff\xd8")
    worker.end()


def test_a_video_that_takes_too_long_is_given_up(long_film: Path) -> None:
    worker = Worker(60)
    assert worker.run("thumbnail", str(long_film), 1.0).startswith(b"\xff\xd8")
    worker._time_limit_s = 0.2
    assert worker._process is not None
    os.kill(worker._process.pid, signal.SIGSTOP)  # as slow as can be
    with pytest.raises(DecodeError, match=r"took longer than 0\.2 s"):
        worker.run("thumbnail", str(long_film), 1.0)
    assert worker.end() == 0


def test_a_video_that_is_being_ingested_is_not_ingested_twice_at_once(start: Start, long_film: Path) -> None:
    one = start(roots=(long_film.parent,))
    first = one.client.post("/api/ingest", json={"path": "long.mp4"})
    second = one.client.post("/api/ingest", json={"path": "long.mp4"})
    assert (first.status_code, second.status_code) == (202, 409)
    assert first.json()["id"] in second.json()["error"]
    assert one.done(first)["status"] == "done"
    again = one.done(one.client.post("/api/ingest", json={"path": "long.mp4"}))
    assert again["result"]["videos"][0]["status"] == "unchanged"


def test_the_service_answers_while_a_long_video_is_looked_at(start: Start, films: Path, long_film: Path) -> None:
    one = start(roots=(long_film.parent, films), workers=2)
    with ThreadPoolExecutor(8) as pool:
        long_job = one.client.post("/api/ingest", json={"path": str(long_film)})
        answers = list(pool.map(lambda _: one.client.post("/api/ingest", json={"path": "own.mp4"}), range(1)))
        assert one.done(answers[0])["status"] == "done"
        assert one.client.get("/api/videos").json()["total"] == 1
        assert one.client.get(long_job.headers["location"]).json()["status"] == "running"


def test_sigterm_lets_the_running_job_end_and_the_next_start_does_the_others(
    films: Path, long_film: Path, tmp_path: Path
) -> None:
    arguments = ("--root", films, "--root", long_film.parent)
    with running(tmp_path, *arguments) as service:
        first = httpx2.post(f"{service.address}/api/ingest", json={"path": str(long_film)}).json()
        wait_until(lambda: httpx2.get(f"{service.address}/api/jobs/{first['id']}").json()["status"] == "running")
        second = httpx2.post(f"{service.address}/api/ingest", json={"path": "own.mp4"}).json()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(
                httpx2.post, f"{service.address}/get_video_vector", json={"video_url": "own.mp4"}, timeout=60
            )
            wait_until(lambda: len(httpx2.get(f"{service.address}/api/jobs").json()["jobs"]) == 3)
            workers = children(service.process.pid)
            assert service.end() == 0
            assert waiting.result(60).status_code == 503
        assert "Traceback" not in service.log.read_text()
    assert [pid for pid in workers if is_running(pid)] == []
    assert [video["path"] for video in run("list", "--library", tmp_path / "library", "--json").objects] == [
        str(long_film)
    ]
    with running(tmp_path, *arguments) as service:
        job = httpx2.get(f"{service.address}/api/jobs/{second['id']}?wait=30", timeout=60).json()
        assert (job["status"], job["result"]["videos"][0]["status"]) == ("done", "added")


def test_a_second_interrupt_leaves_the_running_job_to_the_next_start(long_film: Path, tmp_path: Path) -> None:
    with running(tmp_path, "--root", long_film.parent) as service:
        job = httpx2.post(f"{service.address}/api/ingest", json={"path": "long.mp4"}).json()
        wait_until(lambda: httpx2.get(f"{service.address}/api/jobs/{job['id']}").json()["status"] == "running")
        wait_until(lambda: bool(children(service.process.pid)))
        service.process.send_signal(signal.SIGINT)
        wait_until(lambda: not answers(service.address))
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(60) == 0
        assert "Traceback" not in service.log.read_text()
    (noted,) = json.loads((tmp_path / "library-service" / "journal.json").read_text())
    assert (noted["id"], noted["tries"]) == (job["id"], 1)


def test_a_service_that_is_killed_leaves_no_process_behind(films: Path, tmp_path: Path) -> None:
    with running(tmp_path, "--root", films) as service:
        job = httpx2.post(f"{service.address}/api/ingest", json={"path": "own.mp4"}).json()
        httpx2.get(f"{service.address}/api/jobs/{job['id']}?wait=30", timeout=60)
        workers = children(service.process.pid)
        assert workers
        service.process.kill()
        wait_until(lambda: not any(is_running(pid) for pid in workers))


def test_a_port_that_is_taken_and_a_root_that_is_none_are_told_in_one_line(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        port = service.address.rpartition(":")[2]
        taken = run("serve", "--library", tmp_path / "other", "--port", port)
        assert (taken.status, taken.err.count("\n"), "cannot listen" in taken.err) == (1, 1, True), taken.err
        held = run("serve", "--library", tmp_path / "library", "--port", "0", "--state", tmp_path / "state2")
        assert (held.status, "is in use by process" in held.err) == (1, True)
    none = run("serve", "--library", tmp_path / "other", "--root", tmp_path / "nowhere")
    assert (none.status, "is no folder" in none.err) == (2, True)
    other = run("serve", "--library", tmp_path / "third", "--state", tmp_path / "library-service")
    assert (other.status, "give another --state" in other.err) == (2, True)
