"""The version of this program."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def program() -> str:
    """As it was installed."""
    try:
        return version("reprise")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"
