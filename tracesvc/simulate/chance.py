"""Where the simulator's randomness comes from: one run, and a separate stream per purpose."""

from random import Random


def chance(run: str, purpose: str) -> Random:
    """Return the random stream of one purpose in one run.

    Separate streams keep a run stable: drawing once more for one purpose (a new incident, an injected
    fault) leaves everything else as it was. Nothing here needs to be unpredictable.
    """
    return Random(f"tracesvc/{run}/{purpose}")  # noqa: S311 - repeatability is the point
