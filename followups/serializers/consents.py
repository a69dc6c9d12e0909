"""
What the kinds about consents and disclosures take.
"""

from typing import Any, Final

from rest_framework import serializers

from dispatch.intake_serializers import Choice, Text, Whole, Yes
from followups.models import Basis
from followups.rules.disclosure import Section
from followups.serializers.plans import ClientArgs, Day

LINE: Final = 200
WORDS: Final = 2_000
SIGNATURES: Final = ["PAPER", "GLASS"]


class ConsentArgs(ClientArgs):
    """
    A written consent with every element of 42 CFR 2.31(a); which one is missing is for the action to say, by its paragraph.
    """

    patient_name = Text(max_length=LINE, allow_blank=True, required=False)
    discloser = Text(max_length=LINE, allow_blank=True, required=False)
    description = Text(max_length=WORDS, allow_blank=True, required=False)
    sections = serializers.ListField(child=Choice(choices=list(Section)), required=False, max_length=len(Section))
    recipient = Text(max_length=WORDS, allow_blank=True, required=False)
    purpose = Text(max_length=WORDS, allow_blank=True, required=False)
    right_to_revoke_told = Yes(required=False)
    expires_on = Day(required=False, allow_null=True)
    expires_upon = Text(max_length=LINE, allow_blank=True, required=False)
    signed_by = Text(max_length=LINE, allow_blank=True, required=False)
    signature = Choice(choices=SIGNATURES, required=False)
    signed_on = Day(required=False, allow_null=True)
    text_version = Text(max_length=20, allow_blank=True, required=False)


class ConsentIdArgs(serializers.Serializer[Any]):
    """
    A consent.
    """

    consent = Whole(source="consent_id", min_value=1)


class DiscloseArgs(ClientArgs):
    """
    Parts of a record, to whom they go and why; with a consent, both are the consent's. To the person, nobody else is named.
    """

    basis = Choice(choices=Basis.choices)
    consent = Whole(source="consent_id", min_value=1, required=False, allow_null=True, default=None)
    recipient = Text(max_length=WORDS, allow_blank=True, required=False, default="")
    purpose = Text(max_length=WORDS, allow_blank=True, required=False, default="")
    what = serializers.ListField(child=Choice(choices=list(Section)), min_length=1, max_length=len(Section))
