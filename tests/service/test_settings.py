"""How the service is set up."""

from __future__ import annotations

import asyncio
import builtins
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from starlette.requests import Request
from starlette.types import Message

from reprise.service import receiving
from reprise.service.places import Places, safe_name
from reprise.service.receiving import Received, received
from reprise.service.refusals import RefusedError
from reprise.service.settings import state_folder


def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name == "uvicorn":
            raise ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn")
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    told = run("serve", "--library", tmp_path / "library")
    assert (told.status, told.err) == (1, "reprise: the service needs uvicorn; pip install '.[serve]'\n")


def test_the_help_of_the_command_loads_none_of_the_services_packages() -> None:
    program = (
        "import sys; from reprise.cli import commands; commands.late['serve'].load(); "
        "print(*{'fastapi', 'uvicorn', 'pydantic'} & {*sys.modules})"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "fastapi" not in told.stdout
    assert "uvicorn" not in told.stdout


@pytest.mark.parametrize(("given", "bytes_"), [("500MB", 500 << 20), ("2g", 2 << 30), ("1.5 KiB", 1536), ("7", 7)])
def test_sizes_are_read_as_people_write_them(given: str, bytes_: int) -> None:
    from reprise.cli.serve import _Size

    assert _Size().convert(given, None, None) == bytes_


def test_a_wrong_size_and_an_open_host_are_misuse(tmp_path: Path) -> None:
    for arguments in (("--max-upload", "much"), ("--host", "0.0.0.0"), ("--token", "")):
        told = run("serve", "--library", tmp_path / "library", *arguments)
        assert told.status == 2, told.err
    assert not (tmp_path / "library").exists()


def test_the_state_lies_beside_the_library(tmp_path: Path) -> None:
    assert state_folder(str(tmp_path / "library")) == tmp_path / "library-service"


def form_that(places: Places, *messages: Message) -> Received:
    """What is received of a form whose request consists of these messages, and then of nothing."""
    coming = iter(messages)

    async def receive() -> Message:
        for message in coming:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    return asyncio.run(received(request, places, files=("file",), max_bytes=1000))


BEGUN: Message = {
    "type": "http.request",
    "body": b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\nthe first bytes',
    "more_body": True,
}


def test_a_form_that_stops_coming_or_whose_client_goes_away_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = Places((), tmp_path / "state", "library")
    with pytest.raises(RefusedError, match="the client went away"):
        form_that(places, BEGUN, {"type": "http.disconnect"})
    monkeypatch.setattr(receiving, "STALLED_S", 0.05)
    with pytest.raises(RefusedError, match="the request stopped coming"):
        form_that(places, BEGUN)
    with pytest.raises(RefusedError, match="the form ends in the middle"):
        form_that(places, BEGUN, {"type": "http.request", "body": b"", "more_body": False})
    assert list(places.incoming.iterdir()) == []
    end = {"type": "http.request", "body": b" and the last\r\n--b--\r\n", "more_body": False}
    name, path = form_that(places, BEGUN, end).files["file"]
    assert (name, path.read_bytes()) == ("a.mp4", b"the first bytes and the last")


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("film.mp4", "film.mp4"),
        ("C:\\films\\my film (1).MP4", "my film (1).MP4"),
        ("../../etc/passwd", "passwd"),
        ("..", "video"),
        ("", "video"),
        ("a\u202egpm.4pm", "a_gpm.4pm"),
        ("été 映画.webm", "été 映画.webm"),
        ("-x;rm -rf $HOME`.mp4", "-x_rm -rf _HOME_.mp4"),
    ],
)
def test_file_names_keep_what_is_harmless(given: str, safe: str) -> None:
    assert safe_name(given) == safe
