"""Errors that stop a request, with codes that are part of the API."""

from typing import Any, ClassVar


class TraceError(Exception):
    """A request cannot go on. `error_code` is stable and documented; `extra` goes to the answer."""

    error_code: ClassVar[str] = "internal"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class Unreadable(TraceError):
    """The upload as a whole cannot be read: broken XML, unknown format, bad gzip."""

    error_code = "unreadable"


class TooLarge(TraceError):
    """A limit on size, events or codes is exceeded; `extra` names the limit and its value."""

    error_code = "too_large"


class KeyReused(TraceError):
    """The idempotency key was used before for other content."""

    error_code = "idempotency_key_reused"


class Busy(TraceError):
    """More work is waiting than the service promises to hold; `extra["retry_after_s"]` says when."""

    error_code = "busy"


class NotAuthenticated(TraceError):
    """No API key, or one that is unknown or revoked."""

    error_code = "not_authenticated"


class NotAllowed(TraceError):
    """The key is known, but its roles or party do not permit this."""

    error_code = "not_allowed"


class NotFound(TraceError):
    """There is nothing under this id that the caller may see."""

    error_code = "not_found"


class AlreadyThere(TraceError):
    """Something with this id exists with other particulars; `extra` names the id."""

    error_code = "already_there"


class BadParameter(TraceError):
    """A query parameter or field of the request is not of the right form; `extra` names it."""

    error_code = "bad_parameter"


class StoreError(TraceError):
    """Postgres did not do what was asked. Made in `store` only; the driver's error is the cause."""

    error_code = "store_failed"


class StoreUnavailable(StoreError):
    """Postgres cannot be reached or is shutting down; the request may be sent again."""

    error_code = "store_unavailable"
