"""
Sweeps. Whatever one run misses, the next one finds; any number of them may run at once. No argument says anything of anybody.
"""

from typing import Any

from celery import shared_task
from django.utils import timezone

from followups import reminders
from followups.sweeps import follow_ups, people, reports, surveys


@shared_task
def make_follow_ups_due(**_: Any) -> int:
    """
    Make due the follow-ups whose hour has come and return how many. Run every minute by beat.
    """
    return follow_ups.make_due(at=timezone.now())


@shared_task
def tell_late_follow_ups(**_: Any) -> int:
    """
    Note the follow-ups whose visiting hours went by and return how many. Run every minute by beat.
    """
    return follow_ups.tell_late(at=timezone.now())


@shared_task
def escalate_follow_ups(**_: Any) -> int:
    """
    Take to supervisors what nobody tried for too long and return how many. Run every minute by beat.
    """
    return follow_ups.escalate(at=timezone.now())


@shared_task
def sweep_intakes(**_: Any) -> int:
    """
    Take in what was referred for later contact and return how many. Run every ten seconds by beat.
    """
    return follow_ups.sweep_intakes(at=timezone.now())


@shared_task
def make_digests(**_: Any) -> int:
    """
    Promise the day's digests and return how many. Run every ten minutes by beat.
    """
    return reminders.make_digests(at=timezone.now())


@shared_task
def send_reminders(**_: Any) -> int:
    """
    Send the reminders whose time has come and return how many are done. Run every minute by beat.
    """
    return reminders.send_due(at=timezone.now())


@shared_task
def tell_overdue_reports(**_: Any) -> int:
    """
    Tell authors and supervisors of reports whose time is over and return of how many. Run every minute by beat.
    """
    return reports.tell_overdue(at=timezone.now())


@shared_task
def tell_mandated_reports(**_: Any) -> int:
    """
    Tell supervisors of reports to the authorities while there is time to make them. Run every minute by beat.
    """
    return reports.tell_mandated(at=timezone.now())


@shared_task
def link_callers(**_: Any) -> int:
    """
    Say of callers whose number is known that they are at their call and return how many. Run every ten seconds by beat.
    """
    return people.link_callers(at=timezone.now())


@shared_task
def tell_cautions(**_: Any) -> int:
    """
    Tell dispatch of cautions, and of those that have ended, and return of how many. Run every ten seconds by beat.
    """
    return people.tell_cautions(at=timezone.now())


@shared_task
def enter_shown(**_: Any) -> int:
    """
    Enter whose records began to stand on units' tablets and return of how many. Run every half minute by beat.
    """
    return people.enter_shown(at=timezone.now())


@shared_task
def see_familiar(**_: Any) -> int:
    """
    See who is met often by now, and who no longer is, and return how many changed. Run every hour by beat.
    """
    return people.see_familiar(at=timezone.now())


@shared_task
def make_survey_periods(**_: Any) -> int:
    """
    Put together what the survey heard in months that are over and return how many periods that made. Run every hour by beat.
    """
    return surveys.make_periods(at=timezone.now())
