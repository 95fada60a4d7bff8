"""A group of commands whose modules are imported when a command is called, not when the group is listed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import click


@dataclass(frozen=True, slots=True)
class Late:
    """Where a command is, and the one line that lists it: the command's own `short_help`."""

    place: str  # module:attribute
    short_help: str

    def load(self) -> click.Command:
        """The command; imports its module."""
        module, _, attribute = self.place.partition(":")
        return cast(click.Command, getattr(importlib.import_module(module), attribute))


class LateGroup(click.Group):
    """Lists the commands in the order in which they are given, not by the alphabet."""

    def __init__(self, *args: Any, late: Mapping[str, Late], **settings: Any) -> None:
        """As click's group, with the commands `late` by name."""
        super().__init__(*args, **settings)
        self.late = late

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names, in order."""
        return [*self.late]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of this name; imports its module."""
        return self.late[cmd_name].load() if cmd_name in self.late else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands in the group's help, without their modules."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, late.short_help) for name, late in self.late.items()])
