"""Running a command: every failure becomes one line on stderr and an exit status, never a traceback."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import NoReturn

import click

from reprise.cli.interrupts import interrupted_by
from reprise.cli.waiting import spelled_out, tell_waits
from reprise.errors import ReprisError, SettingsError
from reprise.stores.no_pandas import leave_out_pandas

FAILED, MISUSED, INTERRUPTED = 1, 2, 130


def run_command(command: click.Command, prog_name: str | None = None) -> int:
    """Runs a command with the process's arguments; returns its exit status."""
    # Towhee logs what the command reports in its own words.
    logging.getLogger("towhee").setLevel(logging.CRITICAL + 1)
    leave_out_pandas()
    try:
        with interrupted_by(signal.SIGINT), tell_waits():
            status = command.main(
                spelled_out(sys.argv[1:]),
                prog_name=prog_name,
                standalone_mode=False,
                help_option_names=["-h", "--help"],
            )
    except click.exceptions.Abort as abort:
        complain("; ".join(["interrupted", *getattr(abort.__cause__, "__notes__", [])]))
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ReprisError as error:
        complain(str(error))
        return MISUSED if isinstance(error, SettingsError) else FAILED
    except OSError as error:
        complain(f"the system refused: {error}")
        return FAILED
    except Exception as error:
        if os.environ.get("REPRISE_DEBUG"):
            raise
        complain(f"internal fault ({type(error).__name__}: {error}); please report it, with REPRISE_DEBUG=1 set")
        return FAILED
    return status if isinstance(status, int) else 0


def leave(status: int) -> NoReturn:
    """Ends the process with an exit status."""
    if status == INTERRUPTED:
        leave_at_once(status)
    sys.exit(status)


def leave_at_once(status: int) -> NoReturn:
    """As `leave`, when interrupted: Towhee's threads would decode the video under way to its end first."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def complain(message: str) -> None:
    """One line on stderr about something that failed."""
    click.echo(f"reprise: {message}", err=True)
