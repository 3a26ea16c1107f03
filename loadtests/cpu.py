"""Where the processor's time went: the service, Postgres with all its workers, and the clients."""

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
        for worker in self._postmaster.children():
            try:
                postgres += _seconds(worker)
            except psutil.Error:
                continue
        return {
            "service": _seconds(self._service),
            "postgres": postgres,
            "clients": _seconds(self._client),
        }


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
