"""Days as the law counts them: where the event happened, not in UTC."""

from datetime import date, timedelta

from tracesvc.domain.events import TraceEvent


def local_day(event: TraceEvent) -> date:
    """Return the calendar day of an event at the place that reported it."""
    return (event.event_time + timedelta(minutes=event.event_offset_min)).date()
