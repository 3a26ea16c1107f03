"""A shop's evening, captures of 1,000 events of one code each: over HTTP against raw COPY."""

from loadtests.append import Contest
from loadtests.figures import Figure
from loadtests.ground import Ground
from loadtests.payloads import SMALL_EVENTS, single_sales
from loadtests.scale import Scale


async def run(ground: Ground, scale: Scale) -> list[Figure]:
    contest = Contest("append_small", {"native JSON": single_sales}, at_least=0.5)
    return await contest.figures(ground, scale, captures=scale.small_scans // SMALL_EVENTS)
