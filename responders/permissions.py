"""
Who may do what: the one policy module. Whatever is not granted here is denied.

``ACTIONS`` says who may ask for each kind of action, ``ROUTES`` who may use each route. A route's name is the
``route_name`` of an API view, or the URL's name of a Django page; an action's route follows from its kind. What a grant
leaves open (is it *this* unit's assignment?) is for the rules of the app, which use the relations at the end of this
module. tests/security/matrix.yaml repeats all of it by hand, and every cell is asserted.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from journal.prepared import prepared_cursor
from journal.refusals import NotAllowed, NotFound
from responders.actors import Actor

_M = TypeVar("_M", bound=Model)
Grants = frozenset[str]

# What a bearer is, beside the eight roles of people. ANONYMOUS in a grant lets everybody in. A TABLET is a paired
# device; it is a CREW while a responder with an open shift is signed on at it.
ANONYMOUS: Final = "ANONYMOUS"
TABLET: Final = "TABLET"
CREW: Final = "CREW"
CAD: Final = "CAD"
INTAKE: Final = "INTAKE"

_CREW = frozenset({CREW})
_TABLET = frozenset({TABLET})
_CAD = frozenset({CAD})
_INTAKE = frozenset({INTAKE})
_EVERYBODY = frozenset({ANONYMOUS})
_DESK = frozenset({"DISPATCHER", "EMBEDDED", "SUPERVISOR"})
_SUPERVISOR = frozenset({"SUPERVISOR"})
_MANAGERS = frozenset({"SUPERVISOR", "ADMIN"})
_ADMIN = frozenset({"ADMIN"})
_OFFICER = frozenset({"OFFICER"})
_COORDINATOR = frozenset({"COORDINATOR"})
_CARING = _COORDINATOR | {"SUPERVISOR"}
_CLINICAL = _CARING | {"RESPONDER", "EMBEDDED"}
_POLICE = frozenset({"POLICE_DISPATCHER"})
_PEOPLE = _DESK | _MANAGERS | _POLICE | _OFFICER | _COORDINATOR | {"RESPONDER"}
_WOKEN = _DESK | _POLICE | _OFFICER | _TABLET | _COORDINATOR
# Whatever a crew can do on its tablet, the desk can do for it by radio.
_CREW_OR_RADIO = _CREW | _DESK

ACTIONS: Final[Mapping[str, Grants]] = {
    "unit.duty": _CREW_OR_RADIO,
    "unit.check_in": _CREW_OR_RADIO,
    "person.disable": _MANAGERS,
    "person.enable": _MANAGERS,
    "person.release": _MANAGERS,
    "person.reset_factors": _MANAGERS,
    "person.set_roles": _ADMIN,
    # What a tablet says of a time without signal; whose sign-on it was is for the action to see.
    "tablet.sign_on": _TABLET,
    "tablet.sign_off": _TABLET,
    "tablet.revoke": _MANAGERS,
    "tablet.rename": _MANAGERS,
    "tablet.resync": _MANAGERS,
    "tablet.purge": _MANAGERS,
    # What is kept may say anything about anybody: a supervisor's, like the calls themselves.
    "quarantine.retry": _SUPERVISOR,
    "quarantine.close": _SUPERVISOR,
    "call.create": _DESK,
    "call.update": _DESK,
    "call.answer": _CREW_OR_RADIO,
    "call.note": _CREW_OR_RADIO,
    "call.at_scene": _CREW_OR_RADIO,
    "call.on_view": _CREW_OR_RADIO,
    "call.check": _CREW_OR_RADIO,
    "call.join": _CREW_OR_RADIO,
    "call.link": _DESK,
    # Only a tablet has the picture: the desk has nothing to attach for it.
    "call.attach": _CREW,
    "call.overrule": _DESK,
    "call.cancel": _DESK,
    "call.offer": _DESK,
    "call.withdraw_offer": _DESK,
    "call.dispatch": _DESK,
    "call.reassign": _DESK,
    "call.self_dispatch": _CREW_OR_RADIO,
    "call.poach": _CREW_OR_RADIO,
    "call.attach_outside": _DESK,
    "call.release_outside": _DESK,
    # Said by the tablet itself when the call has reached it: nobody can say it for it.
    "assignment.deliver": _CREW,
    "assignment.acknowledge": _CREW_OR_RADIO,
    "assignment.en_route": _CREW_OR_RADIO,
    "assignment.stage": _CREW_OR_RADIO,
    "assignment.arrive": _CREW_OR_RADIO,
    "assignment.transport": _CREW_OR_RADIO,
    "assignment.at_destination": _CREW_OR_RADIO,
    "assignment.clear": _CREW_OR_RADIO,
    "assignment.hand_back": _CREW_OR_RADIO,
    "assignment.hand_over": _CREW_OR_RADIO,
    "hand_back.accept": _DESK,
    "hand_over.accept": _CREW_OR_RADIO,
    "hand_over.decline": _CREW_OR_RADIO,
    "stop.acknowledge": _CREW_OR_RADIO,
    "tandem.ask": _CREW_OR_RADIO,
    "tandem.plan": _DESK,
    "tandem.partner_there": _CREW_OR_RADIO,
    "tandem.safe": _CREW_OR_RADIO,
    "tandem.release": _CREW_OR_RADIO,
    "tandem.partner_only": _CREW_OR_RADIO,
    "tandem.care_alone": _CREW_OR_RADIO,
    "tandem.withdraw": _CREW_OR_RADIO,
    "message.send": _CREW_OR_RADIO,
    "message.deliver": _CREW_OR_RADIO,
    "message.read": _CREW_OR_RADIO,
    "alarm.acknowledge": _DESK,
    # Raising one has a door of its own, which asks for a device's key and nothing else (dispatch/backup).
    "backup.level": _DESK,
    "backup.police_sent": _DESK | _POLICE,
    "backup.police_arrived": _DESK | _POLICE,
    "backup.confirm_cancel": _DESK,
    "backup.resolve": _DESK,
    "backup.raise_by_radio": _DESK,
    "caution.add": _DESK,
    "caution.end": _DESK,
    "flag.settle": _SUPERVISOR,
    "debrief.comment": _DESK | {"OFFICER"},
    "debrief.close": _SUPERVISOR,
    "shift.sign_off": _CREW,
    "referral.make": _OFFICER,
    "referral.withdraw": _OFFICER,
    "referral.eta": _CREW_OR_RADIO,
    # The officer leaves: either of the two who stand there may say it.
    "referral.handed_over": _CREW_OR_RADIO | _OFFICER,
    "policy.switch_on": _MANAGERS,
    # A report is its author's; whose it is, is for the action to see.
    "encounter.save": _CREW,
    "encounter.sign": _CREW,
    "encounter.addendum": _CREW | _SUPERVISOR,
    "encounter.report_made": _CREW | _SUPERVISOR,
    "encounter.return": _SUPERVISOR,
    "encounter.excuse": _SUPERVISOR,
    "encounter.seen": _SUPERVISOR,
    "plan.open": _CARING,
    "plan.decline": _CARING,
    "plan.pause": _CARING,
    "plan.resume": _CARING,
    "plan.close": _CARING,
    "plan.assign": _CARING,
    "follow_up.add": _CARING,
    "follow_up.assign": _CARING,
    "follow_up.move": _CARING,
    # Whoever tried says so; whether it was theirs to try is for the action to see.
    "follow_up.attempt": _CREW | _CARING,
    "follow_up.finish": _CARING,
    "follow_up.cancel": _CARING,
    "follow_up.send": _CARING,
    # A crew goes by itself to whom its own unit is to see: that it is, is for the action to see.
    "follow_up.go": _CREW,
    "care_referral.make": _CARING,
    "care_referral.tell": _CARING,
    "intake.take": _CARING,
    "intake.close": _CARING,
    "client.create": _CARING,
    "client.update": _CARING,
    # A crew says it of somebody whose record it has; that it has it, is for the action to see.
    "client.link": _CREW | _CARING,
    "client.unlink": _CARING,
    "contact.seen": _CARING,
    "client.add_way": _CARING,
    "client.end_way": _CARING,
    "client.add_strategy": _CARING,
    "client.end_strategy": _CARING,
    "client.order_strategies": _CARING,
    "client.add_caution": _CARING,
    "client.end_caution": _CARING,
    "client.merge": _CARING,
    "client.unmerge": _CARING,
    "client.say_deceased": _CARING,
    "client.confirm_deceased": _CARING,
    "client.not_deceased": _CARING,
    # Loudly: a supervisor is told of each.
    "client.break_glass": _CARING | {"RESPONDER", "EMBEDDED"},
    "break_glass.seen": _SUPERVISOR,
    "care_plan.write": _CARING,
    "care_plan.approve": _CARING,
    "care_plan.end": _CARING,
    "consent.record": _CARING,
    "consent.revoke": _CARING,
    "consent.end": _CARING,
    "disclosure.make": _CARING,
    "programme.set": _MANAGERS,
    "choice.put": _MANAGERS,
    "choice.order": _MANAGERS,
}

ROUTES: Final[Mapping[str, Mapping[str, Grants]]] = {
    # --- pages ---------------------------------------------------------------------------------------------------------
    "home": {"GET": _EVERYBODY},
    "desk": {"GET": _DESK},
    "police": {"GET": _POLICE | _SUPERVISOR},
    "officer": {"GET": _OFFICER},
    "officer-debriefs": {"GET": _OFFICER},
    "officer-worker": {"GET": _EVERYBODY},
    "care-worker": {"GET": _EVERYBODY},
    "officer-manifest": {"GET": _EVERYBODY},
    "supervisor": {"GET": _SUPERVISOR},
    "supervisor-part": {"GET": _SUPERVISOR},
    "supervisor-flags": {"GET": _SUPERVISOR},
    "supervisor-flag-rows": {"GET": _SUPERVISOR},
    "supervisor-flag-ids": {"GET": _SUPERVISOR},
    "quarantine": {"GET": _SUPERVISOR},
    "quarantine-rows": {"GET": _SUPERVISOR},
    "quarantine-read": {"POST": _SUPERVISOR},
    "supervisor-backup": {"GET": _SUPERVISOR},
    "supervisor-backup-export": {"GET": _SUPERVISOR},
    "fleet": {"GET": _MANAGERS},
    "fleet-rows": {"GET": _MANAGERS},
    # Care after the call. Whose record a person may read is for followups/rules/clients.py; who may not can break the glass.
    "care-board": {"GET": _CARING},
    "care-board-rows": {"GET": _CARING},
    "care-list": {"GET": _CARING},
    "care-list-rows": {"GET": _CARING},
    "care-survey": {"GET": _CARING},
    # What an agency decides of care is nobody's record: an admin may, like with policies.
    "care-programme": {"GET": _MANAGERS},
    "care-reports": {"GET": _SUPERVISOR},
    "care-report-rows": {"GET": _SUPERVISOR},
    "care-report-read": {"POST": _SUPERVISOR},
    "care-people": {"GET": _CLINICAL, "POST": _CLINICAL},
    "care-record": {"GET": _CLINICAL},
    "care-record-by-number": {"GET": _CARING},
    # Of the people met, who are nobody here: the code of a card is the credential.
    "survey-enter": {"GET": _EVERYBODY},
    "survey": {"GET": _EVERYBODY, "POST": _EVERYBODY},
    # The tablet's pages are shells without anybody's data; what they show comes through the API.
    "tablet": {"GET": _EVERYBODY},
    "tablet-pair": {"GET": _EVERYBODY},
    "tablet-sign-on": {"GET": _EVERYBODY},
    "tablet-worker": {"GET": _EVERYBODY},
    "tablet-manifest": {"GET": _EVERYBODY},
    "tablet-ground": {"GET": _EVERYBODY},
    "demo-enter": {"POST": _EVERYBODY},
    # --- signing in (allauth) --------------------------------------------------------------------------------------------
    "account_login": {"GET": _EVERYBODY, "POST": _EVERYBODY},
    "account_logout": {"GET": _EVERYBODY, "POST": _EVERYBODY},
    "account_inactive": {"GET": _EVERYBODY},
    "account_reauthenticate": {"GET": _PEOPLE, "POST": _PEOPLE},
    "account_change_password": {"GET": _PEOPLE, "POST": _PEOPLE},
    "mfa_index": {"GET": _PEOPLE},
    "mfa_authenticate": {"GET": _EVERYBODY, "POST": _EVERYBODY},
    "mfa_login_webauthn": {"GET": _EVERYBODY, "POST": _EVERYBODY},
    "mfa_reauthenticate": {"GET": _PEOPLE, "POST": _PEOPLE},
    "mfa_reauthenticate_webauthn": {"GET": _PEOPLE, "POST": _PEOPLE},
    "mfa_activate_totp": {"GET": _PEOPLE, "POST": _PEOPLE},
    "mfa_deactivate_totp": {"GET": _PEOPLE, "POST": _PEOPLE},
    "mfa_list_webauthn": {"GET": _PEOPLE},
    "mfa_add_webauthn": {"GET": _PEOPLE, "POST": _PEOPLE},
    "mfa_edit_webauthn": {"GET": _PEOPLE, "POST": _PEOPLE},
    "mfa_view_recovery_codes": {"GET": _PEOPLE},
    "mfa_generate_recovery_codes": {"GET": _PEOPLE, "POST": _PEOPLE},
    "mfa_download_recovery_codes": {"GET": _PEOPLE},
    # --- the admin site: every one of its URLs is this one route ----------------------------------------------------------
    "admin": {"GET": _ADMIN, "POST": _ADMIN},
    # --- API -------------------------------------------------------------------------------------------------------------
    "health": {"GET": _EVERYBODY},
    "session": {"GET": _PEOPLE, "POST": _PEOPLE},
    "sync": {"POST": _TABLET | _DESK | _OFFICER | _COORDINATOR},
    "live-ticket": {"POST": _TABLET | _DESK | _OFFICER | _COORDINATOR},
    "tablets.pairing-code": {"POST": _MANAGERS},
    # The code is the credential.
    "tablets.pair": {"POST": _EVERYBODY},
    "tablets.backup-key": {"POST": _TABLET},
    "tablets.sign-on": {"POST": _TABLET},
    "tablets.sign-off": {"POST": _TABLET},
    "tablets.unlock": {"POST": _CREW},
    "tablets.key": {"POST": _CREW},
    "tablets.purged": {"POST": _TABLET},
    "tablets.me": {"GET": _TABLET},
    "tablets.position": {"POST": _CREW},
    # What a crew left behind still goes up, with nobody signed on; who may look is dispatch's to say.
    "attachments": {"POST": _TABLET},
    "attachment": {"GET": _TABLET | _DESK, "PATCH": _TABLET},
    "positions": {"GET": _CREW | _DESK},
    "decision-preview": {"POST": _DESK},
    "policy-trial": {"POST": _MANAGERS},
    # Who may be woken by a request for backup, or reminded of what is due.
    "push-subscriptions": {"GET": _WOKEN, "POST": _WOKEN, "DELETE": _WOKEN},
    "cad.calls": {"POST": _CAD},
    "cad.heartbeat": {"POST": _CAD},
    "cad.messages": {"GET": _CAD},
    "cad.message": {"POST": _CAD},
    "referrals": {"POST": _INTAKE},
    "referral": {"GET": _INTAKE},
    "schema": {"GET": _EVERYBODY},
}

# What somebody may reach who gave a password and has no second factor yet: the way to one, and out.
FIRST_STEPS: Final = frozenset({"account_logout", "account_reauthenticate", "mfa_activate_totp", "mfa_add_webauthn"})
# The same when there is a factor but this session has not shown it.
NEXT_STEPS: Final = frozenset({"account_logout", "mfa_reauthenticate", "mfa_reauthenticate_webauthn"})


def standing(actor: object) -> Grants:
    """
    Return what a bearer counts as in the grants: roles, TABLET, CREW, CAD, INTAKE; always ANONYMOUS too.
    """
    if not isinstance(actor, Actor):
        return _EVERYBODY
    if actor.cad_key_id is not None:
        return _EVERYBODY | {CAD}
    if actor.intake_key_id is not None:
        return _EVERYBODY | {INTAKE}
    if actor.tablet_id is None:
        return _EVERYBODY | (actor.roles & _PEOPLE)
    # A tablet never lends its bearer more than the crew's rights, whatever roles the person has elsewhere.
    if actor.shift_id is not None and actor.has("RESPONDER"):
        return _EVERYBODY | {TABLET, CREW}
    return _EVERYBODY | {TABLET}


def may_act(actor: object, kind: str) -> bool:
    """
    Tell whether the grants let this bearer ask for this kind of action.
    """
    return not ACTIONS.get(kind, frozenset()).isdisjoint(standing(actor))


def check_may_act(actor: object, kind: str) -> None:
    """
    Refuse a kind of action that is not granted to this bearer.

    :raises NotAllowed: it is not, or nobody granted this kind to anybody.
    """
    if not may_act(actor, kind):
        raise NotAllowed(kind=kind)


def grants_of(route: str | None) -> Mapping[str, Grants]:
    """
    Return who may use a route, by method; empty for a route that nobody entered here.
    """
    if route is None:
        return {}
    if route.startswith("action:"):
        return {"POST": ACTIONS.get(route.removeprefix("action:"), frozenset())}
    return ROUTES.get(route, {})


def may_use(actor: object, route: str | None, method: str) -> bool:
    """
    Tell whether this bearer may use this method of this route.
    """
    granted = grants_of(route).get("GET" if method == "HEAD" else method, frozenset())
    return not granted.isdisjoint(standing(actor))


class MayUseRoute(BasePermission):
    """
    The permission of every API view: its ``route_name`` looked up in the grants.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """
        Tell whether the bearer may use the view; DRF answers 401 or 403 where not.

        :raises MethodNotAllowed: they may use the route, but not with this method.
        """
        route = getattr(view, "route_name", None)
        method = request.method or ""
        if may_use(request.user, route, method):
            return True
        known = grants_of(route)
        if method not in known and any(may_use(request.user, route, other) for other in known):
            raise MethodNotAllowed(method)
        return False


def check_still_stands(actor: Actor) -> None:
    """
    Look again, inside the transaction, whether this person's access is what it was when the request came in.

    Share-locks the person's row until the commit: whoever takes a role away or disables the account waits for the
    writes under way, and every later one is refused here (ASVS 15.4.2). Called by the door before any other lock.

    :raises NotAuthenticated: access was withdrawn or changed meanwhile; nothing is kept, not even a receipt.
    """
    if actor.person_id is None or actor.access_epoch is None:
        return
    with prepared_cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM responders_person WHERE id = %s AND access_epoch = %s AND is_active FOR SHARE",
            [actor.person_id, actor.access_epoch],
        )
        if cursor.fetchone() is None:
            raise NotAuthenticated


class Relation(StrEnum):
    """
    How a bearer stands to a thing.
    """

    OWN_UNIT = "OWN_UNIT"
    OWN_AGENCY = "OWN_AGENCY"
    OTHER_AGENCY = "OTHER_AGENCY"


def relation(actor: Actor, *, agency_id: int, unit_id: int | None = None) -> Relation:
    """
    Return how the bearer stands to a thing of this agency and, where it belongs to one, this unit.
    """
    if actor.agency_id != agency_id:
        return Relation.OTHER_AGENCY
    if unit_id is not None and actor.unit_id == unit_id:
        return Relation.OWN_UNIT
    return Relation.OWN_AGENCY


def check_own_agency(actor: Actor, *, agency_id: int) -> None:
    """
    Refuse a thing of another agency exactly as one that does not exist.

    :raises NotFound: it belongs to another agency.
    """
    if relation(actor, agency_id=agency_id) is Relation.OTHER_AGENCY:
        raise NotFound


def check_acts_for(actor: Actor, *, agency_id: int, unit_id: int) -> None:
    """
    Refuse to act for a unit that is not the bearer's: a tablet acts for its own, the desk for any of its agency.

    :raises NotFound: the unit, or the thing that it holds, is not the bearer's to touch.
    """
    stands = relation(actor, agency_id=agency_id, unit_id=unit_id)
    if stands is Relation.OWN_UNIT or (stands is Relation.OWN_AGENCY and actor.at_desk):
        return
    raise NotFound


def of_own_agency(rows: QuerySet[_M], actor: Actor, *, path: str = "agency_id") -> QuerySet[_M]:
    """
    Return the rows that belong to the bearer's agency; ``path`` leads from a row to the agency's id.
    """
    return rows.filter(**{path: actor.agency_id})
