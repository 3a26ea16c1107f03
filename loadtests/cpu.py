"""Where the processor's time went: the API, its loops, Postgres with all its workers, the clients."""

from collections.abc import Mapping

import psutil

from loadtests.ground import Ground
from loadtests.service import Service


class CpuWatch:
    """Counts processor seconds from its making on."""

    def __init__(self, ground: Ground, service: Service) -> None:
        self._postmaster = ground.postmaster()
        self._service = psutil.Process(service.pid)
        self._client = psutil.Process()
        self._start = self._now()

    def spent_s(self) -> Mapping[str, float]:
        now = self._now()
        return {who: now[who] - spent for who, spent in self._start.items()}

    def _now(self) -> dict[str, float]:
        times = self._postmaster.cpu_times()
        # Workers that ended meanwhile are in the postmaster's count of its children.
        postgres = times.user + times.system + times.children_user + times.children_system
        postgres += sum(_seconds(worker) for worker in self._postmaster.children())
        loops = sum(_seconds(child) for child in self._service.children(recursive=True))
        return {
            "the API": _seconds(self._service),
            "the loops": loops,
            "Postgres": postgres,
            "clients": _seconds(self._client),
        }


def _seconds(process: psutil.Process) -> float:
    """Return what a process has used; 0 for one that has just ended."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)
