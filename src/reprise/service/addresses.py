"""Fetching videos from addresses that clients name, and from nowhere in the private network."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

from reprise.errors import MissingExtraError, printable
from reprise.service.refusals import RefusedError

if TYPE_CHECKING:
    import httpcore

SCHEMES = ("http", "https", "s3")
REDIRECTS = 5
TIMEOUT_S = 30.0
CHUNK = 1 << 20

# An address that may be spoken to; tests of this machine's own server give another rule.
Rule = Callable[[str], bool]


def is_global(address: str) -> bool:
    """Whether an IP address, also one wrapped in an IPv6 address, is on the public Internet."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None and not _is_public(inner):
            return False
    return _is_public(ip)


def _is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def is_address(text: str) -> bool:
    """Whether it names something to fetch, not a file."""
    return "://" in text


def check(url: str) -> None:
    """Raises RefusedError for an address of another kind than is fetched."""
    try:
        parts = urlsplit(url)
        is_known = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_known = False
    # "::" chains file systems in fsspec: "s3://a::file:///b".
    if not is_known or (parts.scheme == "s3" and "::" in url) or any(ord(c) <= 32 or ord(c) > 126 for c in url):
        raise RefusedError(422, f"{printable(url)}: is no http, https or s3 address")


def name_in(url: str) -> str:
    """The file name in an address."""
    return unquote(urlsplit(url).path).rpartition("/")[2] or "video"


def fetch(url: str, file: Path, *, max_bytes: int, is_permitted: Rule = is_global) -> None:
    """Writes what lies at the address into the file. Raises RefusedError."""
    check(url)
    try:
        with _opened(url, is_permitted) as chunks, file.open("wb") as out:
            _copy(url, chunks, out, max_bytes)
    except RefusedError:
        file.unlink(missing_ok=True)
        raise


def _copy(url: str, chunks: Iterable[bytes], out: IO[bytes], max_bytes: int) -> None:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > max_bytes:
            raise RefusedError(413, f"{printable(url)}: is larger than {max_bytes} bytes; see --max-upload")
        out.write(chunk)


@contextmanager
def _opened(url: str, is_permitted: Rule) -> Iterator[Iterable[bytes]]:
    if urlsplit(url).scheme == "s3":
        with _opened_s3(url) as chunks:
            yield chunks
        return
    import httpcore

    try:
        with httpcore.ConnectionPool(network_backend=_checking(is_permitted)) as pool, _found(pool, url) as answer:
            yield answer.iter_stream()
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise RefusedError(422, f"{printable(url)}: cannot be fetched ({error or type(error).__name__})") from error


@contextmanager
def _found(pool: httpcore.ConnectionPool, url: str) -> Iterator[httpcore.Response]:
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_S)
    here = url
    for _ in range(REDIRECTS + 1):
        host = urlsplit(here).netloc.rpartition("@")[2]
        headers = [("Host", host), ("User-Agent", "reprise"), ("Accept", "*/*"), ("Accept-Encoding", "identity")]
        with pool.stream("GET", here, headers=headers, extensions={"timeout": timeouts}) as answer:
            if answer.status in (301, 302, 303, 307, 308):
                where = dict(answer.headers).get(b"location", dict(answer.headers).get(b"Location", b""))
                here = urljoin(here, where.decode("latin-1"))
                check(here)
                if urlsplit(here).scheme == "s3":
                    raise RefusedError(422, f"{printable(url)}: leads to an address of another kind")
                continue
            if answer.status != 200:
                raise RefusedError(422, f"{printable(url)}: its server answered with status {answer.status}")
            yield answer
            return
    raise RefusedError(422, f"{printable(url)}: leads from one address to the next without end")


def _checking(is_permitted: Rule) -> httpcore.SyncBackend:
    """Connects to the very address that was checked: a name may stand for another one a moment later."""
    import httpcore

    class Checking(httpcore.SyncBackend):
        def connect_tcp(self, host: str, port: int, *arguments: Any, **more: Any) -> httpcore.NetworkStream:
            return super().connect_tcp(_address_of(host, port, is_permitted), port, *arguments, **more)

        def connect_unix_socket(self, path: str, *_: Any, **__: Any) -> httpcore.NetworkStream:
            raise RefusedError(422, f"{printable(path)}: sockets are not fetched from")

    return Checking()


def _address_of(host: str, port: int, is_permitted: Rule) -> str:
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise RefusedError(422, f"{printable(host)}: there is no host of this name") from error
    # Not one of them: else a name with a public and a private address would be tried until it hit.
    if not found or not all(map(is_permitted, found)):
        raise RefusedError(422, f"{printable(host)}: lies in a private network, from which nothing is fetched")
    return found[0]


@contextmanager
def _opened_s3(url: str) -> Iterator[Iterable[bytes]]:
    try:
        import fsspec

        files = fsspec.filesystem("s3", anon=not os.environ.get("AWS_ACCESS_KEY_ID"))
    except ImportError as error:
        raise MissingExtraError("s3 addresses need s3fs; pip install '.[s3]'") from error
    try:
        with files.open(url, "rb") as source:
            yield iter(lambda: source.read(CHUNK), b"")
    except RefusedError:
        raise
    # Whatever the client of the store raises, of which there are dozens of kinds.
    except Exception as error:
        raise RefusedError(422, f"{printable(url)}: cannot be fetched ({type(error).__name__})") from error
