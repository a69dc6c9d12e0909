"""
Fields whose values nobody may read from the database (journal/sealing.py, docs/adr/0017-sealing.md).

In the table is a sealed text that is bound to its table, row and column; in Python it is opened when somebody looks at it,
so that a row whose clinical words nobody needs costs no cipher. A sealed value is found only by a blind index beside it.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import orjson
from django.apps import apps
from django.core.exceptions import FieldError
from django.db import models
from django.db.models import Transform
from django.db.models.query_utils import DeferredAttribute

from journal.resealing import Place
from journal.sealing import SealBroken, blind_index, is_current, seal, unseal

__all__ = [
    "SealedInstant",
    "SealedJSON",
    "SealedText",
    "SealedYesNo",
    "blind_index",
    "field_about",
    "open_each",
    "places",
    "sealed_fields",
]


_Row = TypeVar("_Row", bound=models.Model)
_ST = TypeVar("_ST", contravariant=True)
_GT = TypeVar("_GT", covariant=True)


_log = logging.getLogger(__name__)


class Sealed(str):
    """
    A value as the table has it: not opened yet.
    """

    __slots__ = ()


class _Remembered(NamedTuple):
    """
    What a row's value was when it was opened or sealed last: the same text is not sealed anew.
    """

    sealed: Sealed
    text: str


def field_about(table: str, key: object, column: str) -> str:
    """
    Return the place of one value: the same text elsewhere does not open.
    """
    return f"{table}|{key}|{column}"


class _Opening(DeferredAttribute):
    """
    The attribute of a sealed field: opens what came from the database at the first look.
    """

    field: "_SealedField[Any, Any]"

    def __get__(self, instance: models.Model | None, cls: type[models.Model] | None = None) -> Any:
        if instance is None:
            return self
        value = super().__get__(instance, cls)
        if isinstance(value, Sealed):
            value = self.field.open(instance, value)
            instance.__dict__[self.field.attname] = value
        return value

    # With it this is asked even where the instance has a value; a deferred attribute alone is not.
    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


if TYPE_CHECKING:
    _TextField = models.TextField
else:

    class _TextField(models.TextField):
        # Only the stubs' field takes types.
        __class_getitem__ = classmethod(lambda cls, _: cls)


class _SealedField(_TextField[_ST, _GT], ABC):
    descriptor_class = _Opening
    # What a list shows of a row whose seal is broken; never more hopeful than the truth.
    stand_in: Any = None

    @abstractmethod
    def encode(self, value: Any) -> str:
        """
        Return a value as the text that is sealed.
        """

    @abstractmethod
    def decode(self, text: str) -> Any:
        """
        Return a value from the text that was sealed.
        """

    def open(self, instance: models.Model, sealed: Sealed) -> Any:
        """
        Return a row's value.

        :raises SealBroken: it was changed, or is another row's or column's.
        """
        text = unseal(sealed, about=self._about(instance))
        instance.__dict__[self._memory] = _Remembered(sealed, text)
        return self.decode(text)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = model_instance.__dict__.get(self.attname)
        if isinstance(value, Sealed) and not add and is_current(value):
            return value
        # What is written for the first time is sealed then, whatever it was copied from: its key is another.
        value = getattr(model_instance, self.attname)
        if value is None:
            return None
        text = self.encode(value)
        remembered: _Remembered | None = model_instance.__dict__.get(self._memory)
        # Under a former key it is not written back: that key may be on its way out (rotate_field_keys).
        if add or remembered is None or remembered.text != text or not is_current(remembered.sealed):
            remembered = _Remembered(Sealed(seal(text, about=self._about(model_instance))), text)
            model_instance.__dict__[self._memory] = remembered
        return remembered.sealed

    def get_prep_value(self, value: Any) -> Any:
        if value is None or isinstance(value, Sealed):
            return None if value is None else str(value)
        raise FieldError(f"{self._label} is sealed for its row: save the row; update() and expressions cannot seal")

    def from_db_value(self, value: str | None, *_: Any) -> Sealed | None:
        return None if value is None else Sealed(value)

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        raise FieldError(f"{self._label} is sealed: nothing is found by it; keep a blind index beside it")

    def get_transform(self, lookup_name: str) -> type[Transform] | None:
        raise FieldError(f"{self._label} is sealed: nothing is computed from it in the database")

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        raise FieldError(f"{self._label} is sealed: it is not dumped in the clear")

    def _about(self, instance: models.Model) -> str:
        # The row's key, not its id: that is known only once the row is in the table.
        return field_about(self.model._meta.db_table, cast("Any", instance).key, cast("str", self.column))

    @property
    def _label(self) -> str:
        # One that an expression is given as its output belongs to no model.
        return str(self) if hasattr(self, "model") else type(self).__name__

    @property
    def _memory(self) -> str:
        return f"_sealed_{self.attname}"


class SealedText(_SealedField[_ST, _GT]):
    """
    Text that is sealed for its row. The model is a ``SealedRow``.
    """

    stand_in = "(cannot be opened)"

    def encode(self, value: Any) -> str:
        """
        Return a value as the text that is sealed.
        """
        return str(value)

    def decode(self, text: str) -> Any:
        """
        Return the text that was sealed.
        """
        return text


class SealedJSON(_SealedField[_ST, _GT]):
    """
    A value that JSON can hold, sealed for its row; it may be changed in place.
    """

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def encode(self, value: Any) -> str:
        """
        Return a value as JSON.
        """
        return orjson.dumps(value, option=orjson.OPT_UTC_Z).decode()

    def decode(self, text: str) -> Any:
        """
        Return the value that JSON held.
        """
        return orjson.loads(text)


class SealedYesNo(_SealedField[_ST, _GT]):
    """
    A yes or no that is sealed for its row; neither is longer than the other.
    """

    stand_in = True
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def encode(self, value: Any) -> str:
        """
        Return one character.
        """
        return "1" if value else "0"

    def decode(self, text: str) -> Any:
        """
        Return what that character says.
        """
        return text == "1"


class SealedInstant(_SealedField[_ST, _GT]):
    """
    An instant that is sealed for its row; none is longer than another.
    """

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def encode(self, value: Any) -> str:
        """
        Return an instant as ISO 8601 in UTC, to the microsecond.
        """
        return str(value.astimezone(UTC).isoformat(timespec="microseconds"))

    def decode(self, text: str) -> Any:
        """
        Return the instant in UTC.
        """
        return datetime.fromisoformat(text)


def open_each(rows: Iterable[_Row]) -> list[_Row]:
    """
    Return rows for a list of many, opened, with a stand-in where a seal is broken: one that is damaged must not keep the others
    from anybody. They are looked at and never saved.
    """
    opened = list(rows)
    for row in opened:
        for field in sealed_fields(type(row)):
            if isinstance(row.__dict__.get(field.attname), Sealed):
                try:
                    getattr(row, field.attname)
                except SealBroken as broken:
                    _log.error("a seal is broken: %s", broken.about)
                    row.__dict__[field.attname] = field.stand_in
    return opened


def sealed_fields(model: type[models.Model]) -> list["_SealedField[Any, Any]"]:
    """
    Return the sealed fields of a model.
    """
    return [field for field in model._meta.concrete_fields if isinstance(field, _SealedField)]


def places(models_of: Iterable[type[models.Model]] | None = None) -> list[Place]:
    """
    Return every column of sealed fields, for changing the key (``manage.py rotate_field_keys``).
    """
    found = []
    for model in apps.get_models() if models_of is None else models_of:
        table = model._meta.db_table
        for field in sealed_fields(model):
            column = cast("str", field.column)
            found.append(Place(table, column, ("key",), partial(_about_of, table, column)))
    return found


def _about_of(table: str, column: str, key: object) -> str:
    return field_about(table, key, column)
