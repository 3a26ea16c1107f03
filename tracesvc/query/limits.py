"""Bounds of answers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLimits:
    """How much one question may read.

    `scans_max` bounds the scans read for one code, its containers or its contents;
    `contents_codes_max` the codes inside one container, `document_events_max` the events of contested
    documents that are compared, with all their codes, `void_rounds_max` how long a chain of voids of voids is
    followed, and `page_rows_max` the rows of a page.
    """

    scans_max: int = 500_000
    contents_codes_max: int = 100_000
    document_events_max: int = 200
    void_rounds_max: int = 50
    page_rows_max: int = 1_000
