"""What a client is told when something cannot be done: a status and one line."""

from __future__ import annotations

from reprise.errors import (
    LibraryError,
    LibraryInUseError,
    LibraryMismatchError,
    LibraryNotFoundError,
    ModelError,
    ReprisError,
)


class RefusedError(ReprisError):
    """A request that is answered with this status and line."""

    def __init__(self, status: int, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        """What goes with the status."""
        named = {401: {"WWW-Authenticate": "Bearer"}}.get(self.status, {})
        return named | ({} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)})


def refusal_of(error: ReprisError) -> RefusedError:
    """The refusal that an error of the library is to a client."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, LibraryInUseError | LibraryMismatchError):
        return RefusedError(409, str(error))
    if isinstance(error, LibraryNotFoundError):
        return RefusedError(404, str(error))
    if isinstance(error, LibraryError | ModelError):
        return RefusedError(503, str(error), retry_after_s=30)
    return RefusedError(422, str(error))
