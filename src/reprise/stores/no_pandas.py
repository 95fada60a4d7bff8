"""Milvus without pandas, half a second of every command.

pymilvus 3 names pandas' classes in annotations, asks of data whether it is a data frame, and has functions of pandas
for arguments that Reprise never gives. While it is imported a stand-in takes the place of pandas: its classes have no
instances until somebody imports pandas, from when on they are pandas' own, and its functions import pandas when they
are called. pyarrow, with which Milvus Lite reads its files, works without pandas if it does not find it at first.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

MODULES = ("pandas", "pandas.api", "pandas.api.types")
_left_out = threading.Event()


def leave_out_pandas() -> None:
    """Has `without_pandas` do what it says. For commands: pyarrow then takes no series of pandas in this process."""
    _left_out.set()


@contextmanager
def without_pandas(*, with_pyarrow: bool) -> Iterator[None]:
    """Within it pymilvus is imported; not without pandas if that is there, or another thread may want it meanwhile.

    `with_pyarrow`: pyarrow will be wanted, too.
    """
    if not _left_out.is_set() or "pandas" in sys.modules or threading.active_count() > 1:
        yield
        return
    if with_pyarrow:
        import pyarrow

        sys.meta_path.insert(0, _NotThere)
        try:
            pyarrow.scalar(True)  # it looks for pandas when it is given the first value
        finally:
            sys.meta_path.remove(_NotThere)
    sys.modules.update({name: _StandIn(name) for name in MODULES})
    try:
        yield
    finally:
        for name in MODULES:
            del sys.modules[name]


class _NotThere:
    """Finds no pandas, wherever it is."""

    @classmethod
    def find_spec(cls, fullname: str, path: object, target: object = None) -> None:  # noqa: ARG003 - importlib's signature
        """Raises ImportError for pandas."""
        if fullname == "pandas":
            raise ImportError("pandas is left out")


class _StandIn(ModuleType):
    """What the modules that are imported meanwhile take for a module of pandas."""

    def __getattr__(self, name: str) -> Any:
        """What pandas has of this name, once pandas is there; till then a class that makes what pandas makes."""
        if name.startswith("__"):
            raise AttributeError(name)
        module = self.__name__
        if sys.modules.get(module, self) is not self:
            return getattr(sys.modules[module], name)

        def made(_: type, *arguments: Any, **named: Any) -> Any:
            return getattr(importlib.import_module(module), name)(*arguments, **named)

        return type(name, (), {"__new__": made})
