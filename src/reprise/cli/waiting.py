"""`--wait [SECONDS]`, what a command does when another process has the library open, and `--matrices`: options that
the library itself sees to, by the variables that it looks at.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from reprise.stores import keeping
from reprise.stores.lock import WAIT_VARIABLE

NAME = "--wait"


def spelled_out(arguments: Sequence[str]) -> list[str]:
    """The arguments with `--wait=inf` where `--wait` has no number after it, which click would take a path for."""
    spelled: list[str] = []
    for index, argument in enumerate(arguments):
        if argument == "--":
            return [*spelled, *arguments[index:]]
        following = arguments[index + 1] if index + 1 < len(arguments) else ""
        spelled.append(f"{NAME}=inf" if argument == NAME and not _is_number(following) else argument)
    return spelled


def apply(context: click.Context, parameter: click.Parameter, value: float | None) -> None:
    """Makes the libraries that this command opens wait: a library's default is what $REPRISE_WAIT says."""
    if value is None:
        return
    if math.isnan(value) or value < 0:
        raise click.BadParameter("give seconds, 0 or more", context, parameter)
    context.with_resource(_environment(WAIT_VARIABLE, str(value)))


def keep_matrices(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Makes the libraries that this command opens keep their matrices there: see `reprise.stores.unfinished`."""
    if value is None:
        return
    if not value:
        raise click.BadParameter("it is empty; give a folder, or milvus", context, parameter)
    context.with_resource(_environment(keeping.VARIABLE, value))


@contextmanager
def tell_waits() -> Iterator[None]:
    """What the package logs as a warning, such as whom it waits for, goes to stderr as the command's other lines."""
    log = logging.getLogger("reprise")
    handler = _Lines(logging.WARNING)
    was_propagating, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.propagate = was_propagating


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"reprise: {record.getMessage()}", err=True)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
