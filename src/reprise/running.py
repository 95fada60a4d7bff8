"""Running a Towhee chain for one video, with errors that keep their kind and their one line."""

from __future__ import annotations

import re
from typing import Any

from reprise import errors
from reprise.errors import ReprisError

# Towhee reports a failed node as text alone: "… runs failed, error msg: MESSAGE, Traceback …", with the exception's
# qualified name at the head of the traceback's last line.
_MESSAGE = re.compile(r"error msg: (.*?),? Traceback \(most recent call last\):", re.DOTALL)
_KIND = re.compile(r"^reprise\.errors\.(\w+): ", re.MULTILINE)


def run(chain: Any, *inputs: Any) -> list[Any]:
    """The one output row of the chain for these inputs.

    Raises the ReprisError that an operator raised, rebuilt with its class and message; a ReprisError that
    names the fault if it was something else.
    """
    try:
        rows = chain(*inputs)
    except RuntimeError as error:
        raise _rebuilt(str(error)) from error
    row: list[Any] = rows.get()
    return row


def _rebuilt(report: str) -> ReprisError:
    kinds = _KIND.findall(report)
    message = _MESSAGE.search(report)
    if kinds and message:
        kind: type[ReprisError] = getattr(errors, kinds[-1], ReprisError)
        return kind(message.group(1))
    lines = [line for line in report.strip().splitlines() if line.strip()]
    return ReprisError(f"unexpected fault: {lines[-1].strip() if lines else 'no report'}")
