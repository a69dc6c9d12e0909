"""
Add somebody who signs in: the first administrator, for one.
"""

from getpass import getpass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from journal.door import open_door
from journal.record import record
from responders.models import Agency, Person, Role, RoleName


class Command(BaseCommand):
    """
    manage.py add_person --agency seattle --email … --name … --role ADMIN
    """

    help = "Add a person. The first password is asked for, never given as an argument; a second factor is asked for at the first sign-in."

    def add_arguments(self, parser: CommandParser) -> None:
        """
        Say what the command takes.
        """
        parser.add_argument("--agency", required=True, help="the agency's slug")
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", required=True)
        parser.add_argument("--role", required=True, action="append", choices=RoleName.values, dest="roles")

    def handle(self, *_: Any, agency: str, email: str, name: str, roles: list[str], **__: Any) -> None:
        """
        Ask for the password and add the person.

        :raises CommandError: the agency or the password will not do, or the address is taken.
        """
        of = Agency.objects.filter(slug=agency).first()
        if of is None:
            raise CommandError(f"There is no agency {agency}.")
        if Person.objects.filter(email=email.lower()).exists():
            raise CommandError(f"{email} is taken.")
        password = getpass("First password: ")
        if password != getpass("Once more: "):
            raise CommandError("They differ.")
        try:
            validate_password(password, Person(agency=of, email=email, name=name))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        now = timezone.now()
        with open_door(by="system:command", at=now):
            person = Person.objects.create_user(email, password, agency=of, name=name)
            Role.objects.bulk_create(Role(person=person, name=role) for role in sorted(set(roles)))
            record(
                "person.added",
                agency_id=of.pk,
                about=f"person.{person.pk}",
                data={"person": person.pk, "roles": sorted(set(roles))},
                by="system:command",
                at=now,
            )
        self.stdout.write(f"Added {name}. At the first sign-in they add a second factor.")
