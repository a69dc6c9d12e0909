"""
The admin site's pages of dispatch: what is edited there, and what is only looked at.

Calls and everything that hangs on them are not edited: they change by actions, each with its rule and its entry.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import Max, QuerySet
from django.http import HttpRequest

from dispatch import policies, trials
from dispatch.actions import cad_keys, flags, intake_keys
from dispatch.actions import policies as policy_actions
from dispatch.models import (
    Assignment,
    BackupHook,
    CadKey,
    CadMessage,
    Call,
    CallType,
    Caution,
    Debrief,
    Decision,
    Flag,
    IntakeKey,
    Policy,
)
from journal.door import current_door
from journal.refusals import Refusal
from responders.admin import DoorAdmin, OwnAgencyFilter, actor_of

if TYPE_CHECKING:
    _PolicyForm = forms.ModelForm[Policy]
else:
    _PolicyForm = forms.ModelForm

_TRIED = timedelta(days=30)


class LookOnly(DoorAdmin):
    """
    Rows to look at.
    """

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """
        Refuse.
        """
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """
        Refuse.
        """
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """
        Refuse.
        """
        return False


@admin.register(CallType)
class CallTypeAdmin(DoorAdmin):
    """
    Types of call and their colors. A type that calls have had is retired rather than deleted.
    """

    list_display = ("label", "code", "color", "retired")
    list_filter = ("color", "retired")
    search_fields = ("code", "label")
    ordering = ("label",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """
        Return what stays as it was made: CAD knows the type by its code.
        """
        return () if obj is None else ("agency", "code")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """
        Refuse.
        """
        return False


@admin.register(Call)
class CallAdmin(LookOnly):
    """
    Calls. Names and phone numbers of callers are not searched here.
    """

    list_display = ("number", "type", "priority", "status", "queue", "response", "received_at", "disposition")
    list_filter = ("status", "queue", "response", "type__color", "source")
    list_select_related = ("type",)
    search_fields = ("number", "address")
    date_hierarchy = "received_at"
    ordering = ("-received_at",)
    # A count of a city's calls takes longer than the page.
    show_full_result_count = False


@admin.register(Assignment)
class AssignmentAdmin(LookOnly):
    """
    Who held which call, and when.
    """

    agency_path = "call__agency"
    list_display = ("call", "unit", "origin", "primary", "status", "assigned_at", "ended_at", "disposition")
    list_filter = ("origin", "status", "disposition")
    list_select_related = ("call", "unit")
    search_fields = ("call__number", "unit__call_sign")
    ordering = ("-assigned_at",)
    show_full_result_count = False


@admin.register(Decision)
class DecisionAdmin(LookOnly):
    """
    What the policy said of calls, with every reason, and who overruled it.
    """

    agency_path = "call__agency"
    list_display = ("call", "at", "policy", "response", "care_available", "reasons", "overrule_code")
    list_filter = ("response", "care_available", "overrule_code", ("policy", OwnAgencyFilter))
    list_select_related = ("call", "policy")
    search_fields = ("call__number",)
    ordering = ("-at",)
    show_full_result_count = False


@admin.register(Debrief)
class DebriefAdmin(LookOnly):
    """
    Debriefs of poaches.
    """

    list_display = ("poach", "opened_at", "dispatcher", "sergeant", "closed_at", "closed_by")
    list_select_related = ("poach", "dispatcher", "sergeant", "closed_by")
    ordering = ("-opened_at",)


@admin.register(Flag)
class FlagAdmin(DoorAdmin):
    """
    What did not fit. Looked at, and resolved when somebody has.
    """

    agency_path = "call__agency"
    list_display = ("call", "code", "at", "resolved_at", "resolved_by")
    list_filter = ("code", ("resolved_at", admin.EmptyFieldListFilter))
    list_select_related = ("call", "resolved_by")
    search_fields = ("call__number",)
    ordering = ("-at",)
    fields = readonly_fields = (
        "call",
        "unit",
        "code",
        "facts",
        "at",
        "resolved_at",
        "resolved_by",
        "settling_note",
    )
    actions = ("resolve",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """
        Refuse: flags come from facts.
        """
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """
        Refuse: both sides of what did not fit are kept.
        """
        return False

    @admin.action(description="Resolve: somebody has looked at it")
    def resolve(self, request: HttpRequest, queryset: QuerySet[Flag]) -> None:
        """
        Resolve the chosen flags that are open.
        """
        flags.settle(flag_ids=list(queryset.values_list("pk", flat=True)), by=actor_of(request), at=current_door().at)


class PolicyForm(_PolicyForm):
    """
    A dispatch policy whose rules can be used.
    """

    class Meta:
        model = Policy
        fields = ("agency", "name", "rules")

    def clean_rules(self) -> Any:
        """
        Return the rules.

        :raises ValidationError: they cannot be used; it says what is wrong, by path.
        """
        rules = self.cleaned_data["rules"]
        try:
            policies.parse(rules)
        except policies.InvalidRules as error:
            raise forms.ValidationError([f"{path}: {words}" for path, words in error.errors.items()]) from error
        return rules


@admin.register(Policy)
class PolicyAdmin(DoorAdmin):
    """
    Dispatch policies: written as drafts, tried against past calls, switched on. One that was in force is never changed.
    """

    form = PolicyForm
    list_display = ("name", "version", "in_force_from", "switched_on_by")
    list_select_related = ("switched_on_by",)
    ordering = ("name", "-version")
    actions = ("try_on_past_calls", "switch_on")

    def has_change_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        """
        Refuse where decisions rest on the policy already.
        """
        return super().has_change_permission(request, obj) and (obj is None or obj.in_force_from is None)

    def has_delete_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        """
        Refuse where decisions rest on the policy already.
        """
        return super().has_delete_permission(request, obj) and obj is not None and obj.in_force_from is None

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """
        Return what stays as it was made.
        """
        return () if obj is None else ("agency", "name")

    def save_model(self, request: HttpRequest, obj: Policy, form: Any, change: bool) -> None:
        """
        Save a draft; a new one is the next version of its name.
        """
        if not change:
            newest = Policy.objects.filter(agency=obj.agency_id, name=obj.name).aggregate(at=Max("version"))["at"]
            obj.version = (newest or 0) + 1
        super().save_model(request, obj, form, change)

    @admin.action(description="Try on the calls of the last 30 days")
    def try_on_past_calls(self, request: HttpRequest, queryset: QuerySet[Policy]) -> None:
        """
        Say which past calls the chosen policies would have decided otherwise. Changes nothing.
        """
        until = current_door().at
        for policy in queryset.select_related("agency").order_by("pk"):
            trial = trials.try_policy(policy, since=until - _TRIED, until=until)
            changes = "; ".join(f"{change}: {count}" for change, count in trial.by_change.most_common())
            self.message_user(
                request, f"{policy}: of {trial.calls} calls, {trial.changed} would change. {changes}".strip()
            )

    @admin.action(description="Switch on now")
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Policy]) -> None:
        """
        Put one policy in force.
        """
        chosen = list(queryset.values_list("pk", flat=True))
        if len(chosen) != 1:
            self.message_user(request, "Choose one policy: only one is in force at a time.", messages.WARNING)
            return
        at = current_door().at
        try:
            policy = policy_actions.switch_on(policy_id=chosen[0], in_force_from=at, by=actor_of(request), at=at)
        except Refusal as refusal:
            self.message_user(request, refusal.message, messages.WARNING)
        else:
            self.message_user(request, f"{policy} is in force.", messages.SUCCESS)


@admin.register(Caution)
class CautionAdmin(LookOnly):
    """
    Cautions: added and ended at the desk, because open calls hold copies of them.
    """

    list_display = ("text", "address_key", "phone", "made_by", "made_at", "expires_at")
    list_select_related = ("made_by",)
    search_fields = ("address_key",)
    ordering = ("-made_at",)


@admin.register(CadKey)
class CadKeyAdmin(DoorAdmin):
    """
    Keys of CAD systems. The text of a key is shown once, when it is made; afterwards only its SHA-256 is there.
    """

    list_display = ("name", "made_at", "revoked_at", "rate")
    ordering = ("-made_at",)
    fields = ("agency", "name", "rate")
    actions = ("revoke",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """
        Refuse, but let the list run its actions.
        """
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """
        Refuse: entries name the key that sent a call.
        """
        return False

    def save_model(self, request: HttpRequest, obj: CadKey, form: Any, change: bool) -> None:
        """
        Make the key and show its text.
        """
        made, text = cad_keys.make(
            agency_id=obj.agency_id, name=obj.name, by=actor_of(request), at=current_door().at, rate=obj.rate
        )
        obj.pk = made.pk
        self.message_user(request, f"The key of “{obj.name}”, shown only now: {text}", messages.WARNING)

    @admin.action(description="Revoke: let it in no longer")
    def revoke(self, request: HttpRequest, queryset: QuerySet[CadKey]) -> None:
        """
        Revoke the chosen keys.
        """
        for key in queryset.filter(revoked_at=None).order_by("pk"):
            cad_keys.revoke(key=key, by=actor_of(request), at=current_door().at)


@admin.register(CadMessage)
class CadMessageAdmin(LookOnly):
    """
    What CAD was asked for, and what it answered.
    """

    list_display = ("call", "kind", "made_at", "fetched_at", "confirmed_at", "rejected_at", "reject_reason")
    list_filter = ("kind",)
    list_select_related = ("call",)
    search_fields = ("call__number",)
    ordering = ("-made_at",)


@admin.register(IntakeKey)
class IntakeKeyAdmin(DoorAdmin):
    """
    Keys of crisis lines, hotlines and providers. The text of a key is shown once, when it is made.
    """

    list_display = ("name", "source", "made_at", "revoked_at")
    ordering = ("-made_at",)
    fields = ("agency", "name", "source")
    actions = ("revoke",)

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """
        Return a choice of those sources that come with a key.
        """
        if db_field.name == "source":
            kwargs["choices"] = [(source.value, source.label) for source in intake_keys.SOURCES]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """
        Refuse, but let the list run its actions.
        """
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """
        Refuse: referrals name the key that they came with.
        """
        return False

    def save_model(self, request: HttpRequest, obj: IntakeKey, form: Any, change: bool) -> None:
        """
        Make the key and show its text.
        """
        made, text = intake_keys.make(
            agency_id=obj.agency_id, name=obj.name, source=obj.source, by=actor_of(request), at=current_door().at
        )
        obj.pk = made.pk
        self.message_user(request, f"The key of “{obj.name}”, shown only now: {text}", messages.WARNING)

    @admin.action(description="Revoke: let it in no longer")
    def revoke(self, request: HttpRequest, queryset: QuerySet[IntakeKey]) -> None:
        """
        Revoke the chosen keys.
        """
        for key in queryset.filter(revoked_at=None).order_by("pk"):
            intake_keys.revoke(key=key, by=actor_of(request), at=current_door().at)


@admin.register(BackupHook)
class BackupHookAdmin(DoorAdmin):
    """
    Gateways outside that are told of requests for backup. What is ended stays, for what was sent there.
    """

    list_display = ("name", "url", "drills", "ended_at")
    ordering = ("name",)
    fields = ("agency", "name", "url", "secret", "drills", "ended_at")
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """
        Refuse: an end is said by its moment.
        """
        return False
