"""
A day of calls that never happened, in the columns of today's Call Data: what the demo replays where no real day is at hand.

The volume is Seattle's (about 890 events a day, 37 an hour, fewer at night), the mix is of its types of call. Every row
says ``synthetic``: "yes"; every narrative begins with the word. The same day always gives the same rows.
"""

import csv
import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from typing import Any, TextIO, TypeVar

_Row = TypeVar("_Row", bound=tuple[Any, ...])

EVENTS = 890
COLUMNS = (
    "cad_event_number",
    "cad_event_clearance_description",
    "call_type",
    "priority",
    "initial_call_type",
    "final_call_type",
    "cad_event_original_time_queued",
    "cad_event_arrived_time",
    "dispatch_precinct",
    "dispatch_sector",
    "dispatch_beat",
    "dispatch_longitude",
    "dispatch_latitude",
    "dispatch_address",
    "dispatch_neighborhood",
    "cad_event_response_category",
    "call_sign_dispatch_id",
    "call_sign_dispatch_time",
    "call_sign_at_scene_time",
    "call_sign_in_service_time",
    "call_type_indicator",
    "call_type_received_classification",
    # Not in the city's data: what a synthetic day has beside it.
    "synthetic",
    "narrative",
    "answers",
    "place_kind",
    "caller_wish",
    "markers",
)

# How busy each hour of the day is, beside the others.
_HOURS = (27, 24, 22, 16, 13, 13, 18, 27, 36, 40, 42, 44, 47, 46, 48, 50, 52, 52, 50, 46, 44, 42, 38, 33)
# Share, type, priority, minutes it takes, and what somebody might have said of it.
_TYPES: tuple[tuple[int, str, int, int, str], ...] = (
    (60, "DISTURBANCE - OTHER", 3, 35, "two people arguing loudly, no blows seen"),
    (55, "SUSPICIOUS CIRCUM. - SUSPICIOUS PERSON", 3, 30, "person looking into parked cars"),
    (48, "SERVICE - WELFARE CHECK", 3, 40, "caller has not seen a regular for two days"),
    (40, "DOWN - CHECK FOR PERSON DOWN", 3, 35, "person lying in a doorway, moves when spoken to"),
    (34, "CRISIS COMPLAINT - GENERAL", 3, 55, "person shouting at nobody, in the rain without shoes"),
    (34, "PROWLER - TRESPASS", 4, 35, "person will not leave the lobby"),
    (30, "ASSIST PUBLIC - OTHER (NON-SPECIFIED)", 4, 30, "needs help getting home, phone is dead"),
    (28, "INTOX & LIQ VIOLS - INTOXICATED PERSON", 4, 35, "person drunk at the bus stop, friendly"),
    (26, "DETOX - REQUEST FOR", 4, 45, "asks for a ride to the sobering centre"),
    (24, "NOISE - DISTURBANCE (PARTY, ETC)", 5, 25, "loud music from a balcony"),
    (22, "CCR ONLY - COMMUNITY PRESENCE", 5, 30, "regular visit to the square"),
    (20, "CCR ONLY - ASSIST THE PUBLIC", 4, 35, "wants a blanket and a place for the night"),
    (16, "CCR ONLY - WELFARE CHK, DOWN PERSON, EXCL OD", 3, 35, "person asleep across the pavement"),
    (12, "CASUALTY NON-TRAF NON-CRIM - DRUG RELATED (OD)", 1, 50, "person does not wake up"),
    (12, "PERSON IN BEHAVIORAL/EMOTIONAL CRISIS", 2, 60, "person crying on the bridge steps"),
    (8, "SUICIDE - SUICIDAL PERSON AND ATTEMPTS", 1, 70, "caller says a friend does not want to live"),
    (10, "PANHANDLING, AGGRESSIVE", 5, 25, "person steps in front of passers-by"),
    (46, "THEFT (DOES NOT INCLUDE SHOPLIFT OR SVCS)", 4, 45, "bag gone from the table"),
    (40, "SHOPLIFT - THEFT", 4, 40, "store holds a person at the exit"),
    (44, "TRAFFIC - MOVING VIOLATION", 5, 15, "stopped for a signal"),
    (36, "PARKING VIOLATION (EXCEPT ABANDONED CAR)", 6, 25, "van across a driveway"),
    (30, "MVC - NON INJURY, BLOCKING", 2, 50, "two cars, both lanes blocked"),
    (34, "ALARM-COMM (INC BANK, ATM, SCHOOLS, BSN)", 3, 25, "motion in the back office"),
    (22, "BURG - RES (INCL UNOCC STRUCTURES ON PROP)", 3, 60, "back door forced, nobody there"),
    (22, "AUTO THEFT - VEH THEFT OR THEFT & RECOVERY", 4, 45, "car gone since last night"),
    (18, "ASLT - IP/JO - WITH OR W/O WPNS (NO SHOOTINGS)", 1, 70, "one person hit another and ran"),
    (14, "THREATS (INCLS IN-PERSON/BY PHONE/IN WRITING)", 2, 50, "neighbour said he would come back"),
    (12, "FIGHT - IP - PHYSICAL (NO WEAPONS)", 1, 45, "three people fighting outside a bar"),
    (10, "WEAPN-IP/JO-GUN,DEADLY WPN (NO THRT/ASLT/DIST)", 1, 70, "person with a knife in the hand"),
    (10, "DIST - DV - NO ASLT", 2, 60, "couple shouting, child in the flat"),
    (8, "ROBBERY - IP/JO (INCLUDES STRONG ARM)", 1, 80, "phone taken from the hand"),
    (6, "MISSING - ADULT", 3, 60, "left the clinic two hours ago"),
)
# Share, precinct, sector, beat, longitude, latitude, neighbourhood, two streets.
_PLACES: tuple[tuple[int, str, str, str, float, float, str, str, str], ...] = (
    (16, "WEST", "KING", "K1", -122.3331, 47.6021, "PIONEER SQUARE", "YESLER WAY", "2 AV"),
    (16, "WEST", "KING", "K3", -122.3228, 47.5985, "CHINATOWN/INTERNATIONAL DISTRICT", "S KING ST", "8 AV S"),
    (18, "WEST", "MARY", "M1", -122.3402, 47.6097, "DOWNTOWN COMMERCIAL", "PIKE ST", "1 AV"),
    (18, "WEST", "MARY", "M3", -122.3341, 47.6110, "DOWNTOWN COMMERCIAL", "PINE ST", "5 AV"),
    (8, "WEST", "DAVID", "D1", -122.3493, 47.6181, "BELLTOWN", "CEDAR ST", "3 AV"),
    (6, "SOUTHWEST", "OCEAN", "O1", -122.3341, 47.5806, "SODO", "S LANDER ST", "4 AV S"),
    (8, "EAST", "EDWARD", "E2", -122.3204, 47.6148, "CAPITOL HILL", "E PINE ST", "BROADWAY"),
    (6, "EAST", "GEORGE", "G2", -122.3021, 47.6050, "CENTRAL AREA", "E CHERRY ST", "23 AV"),
    (8, "NORTH", "UNION", "U2", -122.3133, 47.6612, "UNIVERSITY", "NE 45 ST", "UNIVERSITY WAY NE"),
    (7, "NORTH", "NORA", "N2", -122.3449, 47.7045, "NORTHGATE", "N 105 ST", "AURORA AV N"),
    (6, "NORTH", "BOY", "B2", -122.3766, 47.6686, "BALLARD", "NW MARKET ST", "22 AV NW"),
    (6, "SOUTH", "ROBERT", "R2", -122.2938, 47.5658, "MOUNT BAKER", "S GENESEE ST", "RAINIER AV S"),
    (5, "SOUTH", "SAM", "S2", -122.2684, 47.5226, "RAINIER BEACH", "S HENDERSON ST", "RAINIER AV S"),
    (5, "SOUTHWEST", "WILLIAM", "W2", -122.3866, 47.5610, "WEST SEATTLE", "SW ALASKA ST", "CALIFORNIA AV SW"),
    (5, "SOUTHWEST", "FRANK", "F2", -122.3630, 47.5280, "HIGHLAND PARK", "SW BARTON ST", "DELRIDGE WAY SW"),
)
_KINDS = (("PUBLIC", 46), ("BUSINESS", 22), ("RESIDENCE", 22), ("ENCAMPMENT", 6), ("VEHICLE", 4))
_SOURCES = (("911", 62), ("TELEPHONE OTHER, NOT 911", 22), ("ONVIEW", 12), ("IN PERSON COMPLAINT", 4))
_SCREENED = ("WEAPON", "VIOLENCE", "MEDICAL", "POLICE_ONLY")
_CRIME = ("ASLT", "WEAPN", "ROBBERY", "FIGHT", "THREATS", "DIST - DV")


def rows(day: date, *, events: int = EVENTS, seed: int = 911) -> Iterator[dict[str, str]]:
    """
    Yield the rows of a day, one for each unit that was dispatched, in the order of receipt.
    """
    chance = random.Random(f"{seed} {day.isoformat()}")  # noqa: S311  made-up calls, not secrets
    starts = sorted(_moment(day, chance) for _ in range(events))
    for index, queued in enumerate(starts, start=1):
        yield from _event(f"{day:%Y}{index:09d}", queued, chance)


def write(file: TextIO, day: date) -> int:
    """
    Write a day as a CSV file and return how many rows it has.
    """
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    count = 0
    for row in rows(day):
        writer.writerow(row)
        count += 1
    return count


def _event(number: str, queued: datetime, chance: random.Random) -> Iterator[dict[str, str]]:
    _, kind, priority, minutes, said = _pick(_TYPES, chance)
    _, precinct, sector, beat, lon, lat, hood, street, avenue = _pick(_PLACES, chance)
    place_kind = chance.choices([name for name, _ in _KINDS], [share for _, share in _KINDS])[0]
    corner = place_kind == "PUBLIC" and chance.random() < 0.6
    address = (
        f"{street} / {avenue}" if corner else f"{chance.randint(1, 45)}XX BLOCK OF {chance.choice([street, avenue])}"
    )
    withheld = chance.random() < 0.02  # as in the city's data
    answers = _answers(kind, chance)
    wait = timedelta(minutes=chance.expovariate(1 / (3.0 * priority)))
    drive = timedelta(minutes=chance.uniform(2, 9))
    work = timedelta(minutes=minutes * chance.uniform(0.5, 1.6))
    dispatched = queued + wait
    row = {
        "cad_event_number": number,
        "cad_event_clearance_description": "SYNTHETIC",
        "call_type": chance.choices([name for name, _ in _SOURCES], [share for _, share in _SOURCES])[0],
        "priority": str(priority),
        "initial_call_type": kind,
        "final_call_type": kind,
        "cad_event_original_time_queued": _written(queued),
        "cad_event_arrived_time": _written(dispatched + drive),
        "dispatch_precinct": precinct,
        "dispatch_sector": sector,
        "dispatch_beat": beat,
        "dispatch_longitude": "REDACTED" if withheld else f"{lon + chance.gauss(0, 0.0022):.5f}",
        "dispatch_latitude": "REDACTED" if withheld else f"{lat + chance.gauss(0, 0.0016):.5f}",
        "dispatch_address": "REDACTED" if withheld else address,
        "dispatch_neighborhood": hood,
        "cad_event_response_category": "SPD",
        "call_type_indicator": "DISPATCH",
        "call_type_received_classification": "COMMUNITY_GENERATED",
        "synthetic": "yes",
        "narrative": f"Synthetic: {said}.",
        "answers": " ".join(f"{name}={value}" for name, value in answers.items()),
        "place_kind": place_kind,
        "caller_wish": "NO_POLICE" if chance.random() < 0.06 else "NOT_SAID",
        "markers": _markers(kind, chance),
    }
    for number_of_unit in range(_units(priority, chance)):
        unit = f"{chance.randint(1, 4)}{beat}"
        late = dispatched + timedelta(minutes=2 * number_of_unit)
        yield row | {
            "call_sign_dispatch_id": f"{number}{unit}",
            "call_sign_dispatch_time": _written(late),
            "call_sign_at_scene_time": _written(late + drive),
            "call_sign_in_service_time": _written(late + drive + work),
        }


def _answers(kind: str, chance: random.Random) -> dict[str, str]:
    answers = dict.fromkeys(_SCREENED, "NO")
    if kind.startswith("WEAPN"):
        answers["WEAPON"] = "YES"
    if kind.startswith(_CRIME):
        answers["VIOLENCE"] = "YES"
    if "(OD)" in kind or "SUICIDAL" in kind:
        answers["MEDICAL"] = "YES"
    for name in _SCREENED:
        if answers[name] == "NO" and chance.random() < 0.07:
            answers[name] = chance.choice(["UNKNOWN", "UNKNOWN", "NOT_RELEVANT", "YES"])
    return answers


def _markers(kind: str, chance: random.Random) -> str:
    found = []
    if "INTOX" in kind or "DETOX" in kind or chance.random() < 0.05:
        found.append("DRUG_USE")
    if chance.random() < 0.06:
        found.append("CONFRONTATIONAL")
    return " ".join(found)


def _units(priority: int, chance: random.Random) -> int:
    return 1 + sum(chance.random() < 0.9 / priority for _ in range(3))


def _moment(day: date, chance: random.Random) -> datetime:
    hour = chance.choices(range(24), cum_weights=list(accumulate(_HOURS)))[0]
    return datetime.combine(day, time(hour)) + timedelta(seconds=chance.randrange(3600))


def _pick(choices: Sequence[_Row], chance: random.Random) -> _Row:
    return chance.choices(choices, [choice[0] for choice in choices])[0]


def _written(moment: datetime) -> str:
    # As the city's open data has them: floating Pacific, without an offset.
    return moment.isoformat(timespec="milliseconds")
