"""
The admin site's pages of this app, and the way every app's pages go through a door.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.gis.db.models import MultiPolygonField
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon, Polygon
from django.db.models import ForeignKey, ManyToManyField, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from journal.door import current_door, open_door
from journal.record import record
from journal.refusals import Refusal
from responders.actions import units
from responders.actors import Actor
from responders.models import Agency, Capability, OpeningHours, Person, Role, ServiceArea, Shift, Unit

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _OpeningHoursInline = admin.TabularInline[OpeningHours, ServiceArea]
    _RoleInline = admin.TabularInline[Role, Person]
    _UnitForm = forms.ModelForm[Unit]
else:
    _ModelAdmin = admin.ModelAdmin
    _UnitForm = forms.ModelForm
    _OpeningHoursInline = _RoleInline = admin.TabularInline

_READS = ("GET", "HEAD", "OPTIONS", "TRACE")


class OwnAgency:
    """
    Offers only what belongs to the signed-in administrator's agency: rows, and choices in forms.

    ``agency_path`` is the lookup that leads from the model to its agency.
    """

    agency_path: ClassVar[str] = "agency"

    def formfield_for_foreignkey(self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """
        Narrow the choices to the agency's own.
        """
        return super().formfield_for_foreignkey(db_field, request, **self._narrowed(db_field, request, kwargs))  # type: ignore[misc]  # a mixin of ModelAdmin and inlines

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        """
        Narrow the choices to the agency's own.
        """
        return super().formfield_for_manytomany(db_field, request, **self._narrowed(db_field, request, kwargs))  # type: ignore[misc]  # a mixin of ModelAdmin and inlines

    def own_rows(self, db_field: Any, request: HttpRequest) -> QuerySet[Any]:
        """
        Return the agency's own rows of the model that a field refers to.
        """
        model = db_field.remote_field.model
        path = "pk" if model is Agency else getattr(_registered(self, model), "agency_path", None)
        rows: QuerySet[Any] = model._default_manager.all()
        # Where nobody has said which agency a row of this model belongs to, none of them is offered.
        return rows.none() if path is None else rows.filter(**{path: _administrator(request).agency_id})

    def _narrowed(self, db_field: Any, request: HttpRequest, kwargs: dict[str, Any]) -> dict[str, Any]:
        return kwargs | {"queryset": self.own_rows(db_field, request)}


class OwnAgencyFilter(admin.RelatedFieldListFilter):
    """
    A list's filter by what its rows refer to: it names only what belongs to the administrator's agency.

    The stock one names every row of the other table. A relation in ``list_filter`` is written ("policy", OwnAgencyFilter).
    """

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """
        Return the rows to choose from.
        """
        rows = model_admin.own_rows(field, request)
        return [
            (str(row.pk), str(row)) for row in rows.order_by(*self.field_admin_ordering(field, request, model_admin))
        ]


class DoorAdmin(OwnAgency, _ModelAdmin):
    """
    A model's admin pages. Each change that they make is one transaction of the journal, with one entry for each object.

    Adding, changing, deleting, bulk deletion and every other action of the list are inside one open door; what is not
    recorded would still reach its readers, because ``flush()`` closes the door.
    """

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """
        Return the rows of the administrator's agency.
        """
        return super().get_queryset(request).filter(**{self.agency_path: _administrator(request).agency_id})

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """
        Return a row, locked when it is about to be changed: a form writes every field, and would undo what a crew says of
        its unit at the same moment.
        """
        found = super().get_object(request, object_id, from_field)
        if found is None or request.method in _READS:
            return found
        return self.get_queryset(request).select_for_update(no_key=True, of=("self",)).filter(pk=found.pk).first()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """
        Add or change a row through a door.
        """
        with _door(request):
            return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """
        Delete a row through a door.
        """
        with _door(request):
            return super().delete_view(request, object_id, extra_context)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """
        List rows; run an action or save an edited list through a door.
        """
        with _door(request):
            return super().changelist_view(request, extra_context)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """
        Record that a row was added.
        """
        self._record(request, "admin.added", obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """
        Record that a row was changed, and which of its fields; never their values.
        """
        if message:
            self._record(request, "admin.changed", obj, message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """
        Record that rows were deleted.
        """
        for obj in queryset:
            self._record(request, "admin.deleted", obj, None)
        return super().log_deletions(request, queryset)

    def agency_id_of(self, obj: Model) -> int:
        """
        Return the agency whose journal tells of a row.
        """
        value: Any = obj
        for step in self.agency_path.split("__"):
            value = getattr(value, step)
        return int(value.pk if isinstance(value, Model) else value)

    def _record(self, request: HttpRequest, kind: str, obj: Model, message: Any) -> None:
        record(
            kind,
            agency_id=self.agency_id_of(obj),
            about=f"{obj._meta.model_name}.{obj.pk}",
            data={"changes": _changes(message)} if isinstance(message, list) else {},
            by=actor_of(request),
            at=current_door().at,
        )


def actor_of(request: HttpRequest) -> Actor:
    """
    Return the signed-in administrator as doors and entries know them.
    """
    person = _administrator(request)
    return Actor(agency_id=person.agency_id, label=person.name, roles=frozenset({"ADMIN"}), person_id=person.pk)


class AreaText(forms.Textarea):
    """
    A polygon as text: GeoJSON or WKT. There is no map, because its library would come from elsewhere.
    """

    def format_value(self, value: Any) -> str | None:
        """
        Return the polygon as WKT.
        """
        return value.wkt if isinstance(value, GEOSGeometry) else super().format_value(value)


class AreaField(forms.CharField):
    """
    A multipolygon in longitude and latitude, typed or pasted.
    """

    widget = AreaText

    def to_python(self, value: Any) -> Any:
        """
        Return the polygon.

        :raises ValidationError: this is no valid polygon.
        """
        if isinstance(value, GEOSGeometry) or value in self.empty_values:
            return value or None
        try:
            area = GEOSGeometry(value, srid=4326)
        except Exception as error:
            raise forms.ValidationError(f"This is neither GeoJSON nor WKT: {error}") from error
        if isinstance(area, Polygon):
            area = MultiPolygon(area, srid=4326)
        if not isinstance(area, MultiPolygon) or area.empty:
            raise forms.ValidationError("Only a Polygon or MultiPolygon is an area.")
        if not area.valid:
            raise forms.ValidationError(f"The polygon is not valid: {area.valid_reason}.")
        west, south, east, north = area.extent
        if west < -180 or east > 180 or south < -90 or north > 90:
            raise forms.ValidationError("Write longitude and latitude in degrees.")
        return area

    def has_changed(self, initial: Any, data: Any) -> bool:
        """
        Compare shapes, not spelling.
        """
        try:
            given = self.to_python(data)
        except forms.ValidationError:
            return True
        return bool(given != initial)


@admin.register(Agency)
class AgencyAdmin(DoorAdmin):
    """
    An agency's limits. Agencies are made by command and never deleted.
    """

    agency_path = "pk"
    list_display = ("name", "slug", "timezone", "has_cad")
    readonly_fields = ("slug",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """
        Refuse: an administrator belongs to one agency and makes no others.
        """
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """
        Refuse: what an agency did outlives it.
        """
        return False


class OpeningHoursInline(_OpeningHoursInline):
    """
    An area's hours, on the area's page.
    """

    model = OpeningHours
    extra = 0
    ordering = ("valid_from", "weekday", "opens")


@admin.register(ServiceArea)
class ServiceAreaAdmin(DoorAdmin):
    """
    Service areas with their opening hours.
    """

    list_display = ("name", "valid_from", "valid_to")
    list_filter = ("valid_to",)
    search_fields = ("name",)
    ordering = ("name", "-valid_from")
    inlines = (OpeningHoursInline,)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """
        Take a polygon as text.
        """
        if isinstance(db_field, MultiPolygonField):
            return AreaField(help_text="Longitude and latitude, as GeoJSON or WKT. Or use: manage.py load_areas")
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class UnitForm(_UnitForm):
    """
    A unit, its capabilities as boxes to tick.
    """

    capabilities = forms.MultipleChoiceField(
        choices=Capability.choices, required=False, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = Unit
        fields = ("agency", "call_sign", "outside", "capabilities", "areas", "crew_minimum")


@admin.register(Unit)
class UnitAdmin(DoorAdmin):
    """
    Units. What a crew says of itself is not edited here, and a unit with a past is retired rather than deleted.
    """

    form = UnitForm
    list_display = ("call_sign", "outside", "duty", "retired_at")
    list_filter = ("outside", "duty")
    search_fields = ("call_sign",)
    ordering = ("call_sign",)
    filter_horizontal = ("areas",)
    actions = ("retire",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """
        Return what stays as it was made: calls keep copies of a unit's call sign.
        """
        return () if obj is None else ("agency", "call_sign", "outside")

    @admin.action(description="Retire: take out of use for good")
    def retire(self, request: HttpRequest, queryset: QuerySet[Unit]) -> None:
        """
        Retire the chosen units that have nobody on shift.
        """
        door = current_door()
        for unit_id in queryset.order_by("pk").values_list("pk", flat=True):
            try:
                unit = units.retire(unit_id=unit_id, by=actor_of(request), at=door.at)
            except Refusal as refusal:
                call_sign = refusal.facts.get("call_sign", unit_id)
                self.message_user(request, f"{call_sign}: {refusal.message}", messages.WARNING)
            else:
                self.message_user(request, f"{unit.call_sign} is retired.", messages.SUCCESS)


class RoleInline(_RoleInline):
    """
    A person's roles, on the person's page.
    """

    model = Role
    extra = 0


@admin.register(Person)
class PersonAdmin(DoorAdmin):
    """
    People and their roles. Passwords and second factors are theirs alone and are not here.

    A withdrawn role or account ends the person's sessions: a trigger sees to it (migration 0002).
    """

    list_display = ("name", "email", "badge", "is_active")
    list_filter = ("is_active", "roles__name")
    search_fields = ("name", "email", "badge")
    ordering = ("name",)
    fields = ("agency", "email", "name", "badge", "is_active")
    inlines = (RoleInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """
        Refuse: people who leave are made inactive; what they did stays theirs.
        """
        return False

    def save_model(self, request: HttpRequest, obj: Person, form: Any, change: bool) -> None:
        """
        Save a person; a new one has no password until they set it.
        """
        obj.email = obj.email.lower()
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)


@admin.register(Shift)
class ShiftAdmin(DoorAdmin):
    """
    Shifts, to look at: they start and end where the crew or the desk says so.
    """

    agency_path = "unit__agency"
    list_display = ("person", "unit", "started_at", "planned_end_at", "ended_at", "end_reason")
    list_filter = ("end_reason",)
    ordering = ("-started_at",)
    list_select_related = ("person", "unit")

    def has_add_permission(self, request: HttpRequest) -> bool:
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


@contextmanager
def _door(request: HttpRequest) -> Iterator[None]:
    if request.method in _READS:
        yield
        return
    with open_door(by=actor_of(request), at=timezone.now()):
        yield


def _administrator(request: HttpRequest) -> Person:
    assert isinstance(request.user, Person), "the admin site lets nobody else in"
    return request.user


def _registered(page: Any, model: type[Model]) -> Any:
    site = page.admin_site
    return site.get_model_admin(model) if site.is_registered(model) else None


def _changes(message: list[dict[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    # The admin's own message also names the object, and that may be a person.
    return [
        {"what": verb, "model": detail.get("name"), "fields": detail.get("fields")}
        for part in message
        for verb, detail in part.items()
    ]
