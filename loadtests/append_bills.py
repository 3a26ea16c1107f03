"""Bills of 3,500 codes, the largest a bill file may hold: over HTTP against raw COPY."""

from loadtests.append import Contest
from loadtests.figures import Figure
from loadtests.ground import Ground
from loadtests.payloads import BILL_CODES, json_bill, xml_bill
from loadtests.scale import Scale


async def run(ground: Ground, scale: Scale) -> list[Figure]:
    forms = {"native JSON": json_bill, "bill XML": xml_bill}
    contest = Contest("append_bills", forms, at_least=0.6)
    return await contest.figures(ground, scale, captures=scale.append_scans // BILL_CODES)
