"""What the service says about itself: the clock, the log entries and the metrics."""

import logging
import sys
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog
from prometheus_client import Counter, Gauge, Histogram


class Clock(Protocol):
    """Where the time comes from; tests pass their own."""

    def now(self) -> datetime:
        """Return the present as an aware datetime in UTC."""
        ...


class SystemClock:
    """The machine's clock: the only place that reads it."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251  (this is the Clock everyone else takes)


def configure_logging(*, json: bool) -> None:
    """Send log entries to standard error, as JSON lines or for human eyes.

    Standard output stays free for what commands print. Context bound at the door (`capture_id`,
    `party_id`) is merged into every entry.
    """
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.dict_tracebacks] if json else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


_APPEND_BUCKETS_S: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

CAPTURES_APPENDED: Final = Counter(
    "tracesvc_captures_appended", "Captures committed to the log", ["format"]
)
EVENTS_APPENDED: Final = Counter("tracesvc_events_appended", "Events committed to the log")
SCANS_APPENDED: Final = Counter("tracesvc_scans_appended", "Scans committed to the log")
REJECTIONS: Final = Counter(
    "tracesvc_rejections", "Records that could not be understood", ["error_code"]
)
APPEND_SECONDS: Final = Histogram(
    "tracesvc_append_seconds", "Time of one append, commit included", buckets=_APPEND_BUCKETS_S
)
HTTP_SECONDS: Final = Histogram(
    "tracesvc_http_seconds", "Time from request to answer", ["route", "method", "status"]
)
SEQUENCED_CAPTURES: Final = Counter(
    "tracesvc_sequenced_captures", "Captures given their place in the log"
)
PROJECTED_CAPTURES: Final = Counter(
    "tracesvc_projected_captures", "Captures folded into custody and findings"
)
PROJECTED_SCANS: Final = Counter("tracesvc_projected_scans", "Scans folded into custody")
PROJECTION_LAG: Final = Gauge(
    "tracesvc_projection_lag_captures", "Captures sequenced but not yet projected"
)
REFOLDED_CODES: Final = Counter(
    "tracesvc_refolded_codes", "Codes folded again from the log because of late events"
)
FINDINGS_OPENED: Final = Counter("tracesvc_findings_opened", "Findings opened", ["rule"])
FINDINGS_WITHDRAWN: Final = Counter(
    "tracesvc_findings_withdrawn",
    "Findings withdrawn because a later upload explains them",
    ["rule"],
)
ADMISSION_WAITING: Final = Gauge(
    "tracesvc_admission_waiting", "Uploads waiting for their turn to be appended"
)
ADMISSION_REFUSED: Final = Counter(
    "tracesvc_admission_refused", "Uploads answered 429 because too many were waiting"
)
