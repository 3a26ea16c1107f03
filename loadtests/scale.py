"""How much each scenario does: the whole measurement, or a short run that shows that it works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Bounds of every scenario. Counts are per repetition unless they say otherwise."""

    repetitions: int = 5
    append_clients: tuple[int, ...] = (1, 2, 4)
    append_scans: int = 105_000
    small_scans: int = 20_000
    evening_bills: int = 24
    evening_clients: int = 4
    path_scans: int = 1_000_000
    path_queries: int = 600
    memory_s: float = 30.0
    memory_clients: int = 8
    projected_s_max: float = 300.0

    @classmethod
    def quick(cls) -> "Scale":
        return cls(
            repetitions=1,
            append_clients=(2,),
            append_scans=10_500,
            small_scans=2_000,
            evening_bills=2,
            path_scans=20_000,
            path_queries=20,
            memory_s=1.0,
            projected_s_max=60.0,
        )
