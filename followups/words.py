"""
What codes of care after the call are called on coordinators' pages. Those of a report are data (``Choice``).
"""

from typing import Final

from dispatch.words import PLACES
from followups.models import (
    AttemptResult,
    Basis,
    CareReferralState,
    CloseReason,
    FollowUpState,
    How,
    MaySay,
    Outcome,
    PauseReason,
    PlanState,
    Route,
    StrategyKind,
    WayKind,
)

HOWS: Final[dict[str, str]] = {How.VISIT: "Visit", How.PHONE: "Phone", How.PROVIDER: "Through a provider"}
RESULTS: Final[dict[str, str]] = {
    AttemptResult.REACHED: "Reached",
    AttemptResult.NOT_FOUND: "Not found",
    AttemptResult.MOVED: "Moved away",
    AttemptResult.REFUSED: "Does not want it",
    AttemptResult.HOSPITALISED: "In hospital",
    AttemptResult.IN_CUSTODY: "In custody",
    AttemptResult.DECEASED: "Deceased",
}
OUTCOMES: Final[dict[str, str]] = {
    Outcome.REACHED: "Reached",
    Outcome.CONNECTED: "Connected with a service",
    Outcome.NOT_REACHED: "Not reached",
    Outcome.REFUSED: "Does not want it",
    Outcome.NO_LONGER_NEEDED: "No longer needed",
}
CLOSES: Final[dict[str, str]] = {
    CloseReason.DECLINED: "Does not want it",
    CloseReason.IN_CARE: "Is in care elsewhere",
    CloseReason.MOVED: "Moved away",
    CloseReason.NOT_FOUND: "Cannot be found",
    CloseReason.DECEASED: "Deceased",
    CloseReason.DUPLICATE: "Planned twice",
    CloseReason.OTHER: "Something else",
}
PAUSES: Final[dict[str, str]] = {PauseReason.HOSPITAL: "In hospital", PauseReason.CUSTODY: "In custody"}
PLANS: Final[dict[str, str]] = {
    PlanState.OPEN: "Open",
    PlanState.PAUSED: "Paused",
    PlanState.COMPLETED: "Completed",
    PlanState.CLOSED: "Closed early",
    PlanState.DECLINED: "Declined",
}
FOLLOW_UPS: Final[dict[str, str]] = {
    FollowUpState.PENDING: "To come",
    FollowUpState.DUE: "Due",
    FollowUpState.WAITING: "Waits for release",
    FollowUpState.DONE: "Done",
    FollowUpState.SUPERSEDED: "Planned anew",
    FollowUpState.CANCELLED: "Cancelled",
}
ROUTES: Final[dict[str, str]] = {
    Route.PHONE: "Called from a number that is theirs",
    Route.MET: "Met by a crew",
    Route.DESK: "Said at the desk",
    Route.VISIT: "Second response",
    Route.REFERRAL: "Referred",
}
WAYS: Final[dict[str, str]] = {
    WayKind.PHONE: "Phone",
    WayKind.EMAIL: "E-mail",
    WayKind.ADDRESS: "Address",
    WayKind.SHELTER: "Shelter",
    WayKind.PLACE: "Usually at",
    WayKind.PROVIDER: "Provider",
}
MAY_SAY: Final[dict[str, str]] = {
    MaySay.NOTHING: "Say nothing to whoever answers",
    MaySay.FIRST_NAME: "Ask for them by first name only",
    MaySay.TEAM: "May say that CARE asks for them",
    MaySay.REASON: "May say why",
}
STRATEGIES: Final[dict[str, str]] = {
    StrategyKind.HELPS: "Helps",
    StrategyKind.AVOID: "Avoid",
    StrategyKind.BASELINE: "Usually",
    StrategyKind.ELEVATED: "Getting worse",
}
REFERRALS: Final[dict[str, str]] = {
    CareReferralState.MADE: "Made",
    CareReferralState.ACCEPTED: "Accepted",
    CareReferralState.DECLINED: "Declined",
    CareReferralState.WAITLISTED: "On a waiting list",
    CareReferralState.ATTENDED: "Attended",
    CareReferralState.NOT_ATTENDED: "Did not attend",
}
BASES: Final[dict[str, str]] = {
    Basis.CONSENT: "Consent",
    Basis.MEDICAL_EMERGENCY: "Medical emergency",
    Basis.MANDATED_REPORT: "Mandated report",
    Basis.TO_THE_PERSON: "To the person",
}
# In the order in which a copy has them (followups/rules/disclosure.py).
SECTIONS: Final[dict[str, str]] = {
    "IDENTITY": "Who they are",
    "WAYS": "How to reach them",
    "STRATEGIES": "What helps, what to avoid",
    "CAUTIONS": "Cautions",
    "CARE_PLAN": "The care plan",
    "ENCOUNTERS": "What crews did and saw",
    "FOLLOW_UPS": "Second responses",
    "CARE_REFERRALS": "Referrals to services",
}


def board_words() -> dict[str, dict[str, str]]:
    """
    Return the words that the questions of coordinators' pages are asked in.
    """
    return {
        "hows": HOWS,
        "results": RESULTS,
        "outcomes": OUTCOMES,
        "closes": CLOSES,
        "pauses": PAUSES,
        "ways": WAYS,
        "maySay": MAY_SAY,
        "strategies": STRATEGIES,
        "referrals": REFERRALS,
        "sections": SECTIONS,
        "bases": BASES,
        "plans": PLANS,
        "followUps": FOLLOW_UPS,
        "places": PLACES,
    }
