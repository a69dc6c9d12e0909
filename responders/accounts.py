"""
How django-allauth signs people in here: by e-mail address and password or by passkey, always with a second factor.

There is no sign-up, no reset by mail and no trusted browser; an administrator makes accounts. Whatever compares a secret
goes through responders/sign_in.py, which counts.
"""

from base64 import b64decode, b64encode
from datetime import timedelta
from secrets import token_bytes
from typing import Any, Final

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import ChangePasswordForm, LoginForm
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django import forms
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from responders import sessions, sign_in
from responders.models import Person
from responders.rate_limits import client_address
from responders.refusals import SignInRefused

# A secret account matter asks for a factor again when the last one was shown longer ago than this.
FRESH_FOR: Final = timedelta(minutes=5)


class SignIn(ModelBackend):
    """
    The one way from an address and a password to a person.
    """

    def authenticate(  # type: ignore[override]  # the form's field is the address, not a username
        self, request: HttpRequest | None, email: str | None = None, password: str | None = None, **_: Any
    ) -> Person | None:
        """
        Return the person, or None; why not, nobody is told.
        """
        if not email or not password:
            return None
        try:
            return sign_in.check_password(email=email, password=password, at=timezone.now())
        except SignInRefused:
            return None


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """
    allauth's sign-in, with our doors.
    """

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """
        Tell that nobody makes an account for themselves.
        """
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """
        Return the address that the request came from.
        """
        return client_address(request)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Person | None:
        """
        Return the person whom these credentials prove, or None.
        """
        return SignIn().authenticate(request, **credentials)

    def reauthenticate(self, user: Person, password: str) -> bool:
        """
        Tell whether this is the password of the person who is signed in; failures count.
        """
        proven = SignIn().authenticate(context.request, email=user.email, password=password)
        return proven is not None and proven.pk == user.pk

    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:
        """
        Tell whether the person must show a factor again before a change of their account.
        """
        request = context.request
        return timezone.now() - sessions.shown_at(request, request.user) > FRESH_FOR

    def pre_login(self, request: HttpRequest, user: Person, **kwargs: Any) -> HttpResponse | None:
        """
        Stop somebody whose account is locked, whichever way they come: a passkey does not go round a lock.
        """
        if sign_in.is_locked(user) or not user.is_active:
            stopped: HttpResponse = self.respond_user_inactive(request, user)
            return stopped
        response: HttpResponse | None = super().pre_login(request, user, **kwargs)
        return response

    def login(self, request: HttpRequest, user: Person) -> None:
        """
        Begin the session.
        """
        # Hashing anew, or another sign-in, may have raised it since the person was read.
        user.refresh_from_db(fields=["access_epoch", "password"])
        super().login(request, user)
        sessions.begin(request.session, at=timezone.now())
        if sessions.has_second_factor(request, user):
            sign_in.completed(user)

    def set_password(self, user: Person, password: str) -> None:
        """
        Set a new password; this session goes on, all others end.
        """
        super().set_password(user, password)
        user.refresh_from_db(fields=["access_epoch"])

    def send_notification_mail(self, *_: Any, **__: Any) -> None:
        """
        Send nothing: the service has no mail.
        """


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """
    Second factors, with their secrets sealed in the database.
    """

    def encrypt(self, text: str) -> str:
        """
        Return a secret sealed with AES-256-GCM under the first of the settings' keys.
        """
        nonce = token_bytes(12)
        sealed = AESGCM(settings.MFA_KEYS[0]).encrypt(nonce, text.encode(), _PURPOSE)
        return "v1." + b64encode(nonce + sealed).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """
        Return a sealed secret, under whichever of the settings' keys it was sealed.

        :raises ImproperlyConfigured: none of them fits.
        """
        raw = b64decode(encrypted_text.removeprefix("v1."))
        for key in settings.MFA_KEYS:
            try:
                return AESGCM(key).decrypt(raw[:12], raw[12:], _PURPOSE).decode()
            except InvalidTag:
                continue
        raise ImproperlyConfigured("A second factor was sealed with a key that is not in MFA_KEYS.")

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """
        Tell that the last factor stays: without one, the password alone would let somebody enrol theirs.
        """
        others = Authenticator.objects.filter(user_id=authenticator.user_id).exclude(pk=authenticator.pk)
        stays: bool = others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists()
        return stays

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """
        Return who asks for a passkey.
        """
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return {**entity, "name": "CARE Field"}


_PURPOSE: Final = b"care-field/second-factor"


class _CountedCode(forms.Form):
    user: Person

    def clean_code(self) -> str:
        """
        Return the code after it was compared; a wrong one counts towards the lock.
        """
        at = timezone.now()
        place = sign_in.take_place(sign_in.account_key(self.user.email), at=at)
        if not place.open:
            raise self._wrong()
        try:
            code: str = super().clean_code()  # type: ignore[misc]  # of the allauth form beside this one
        except forms.ValidationError:
            sign_in.failed(place, at=at)
            raise
        except Exception:
            sign_in.give_back(place)
            raise
        if not sign_in.give_back(place):
            raise self._wrong()
        return code

    def _wrong(self) -> forms.ValidationError:
        return forms.ValidationError(MFAAdapter.error_messages["incorrect_code"], code="incorrect_code")


class CodeForm(_CountedCode, AuthenticateForm):  # type: ignore[misc]  # allauth has no types
    """
    The code after the password.
    """


class CodeAgainForm(_CountedCode, ReauthenticateForm):  # type: ignore[misc]  # allauth has no types
    """
    The code before an account matter.
    """


class PasswordForm(LoginForm):  # type: ignore[misc]  # allauth has no types
    """
    Address and password.
    """

    def login(self, request: HttpRequest, redirect_url: str | None = None) -> HttpResponse:
        """
        Sign in, or go on to the second factor.
        """
        response: HttpResponse = super().login(request, redirect_url)
        # allauth sets an expiry of its own at the end.
        if sessions.SIGNED_IN_AT in request.session:
            request.session.set_expiry(sessions.ends_at(request.session))
        else:
            request.session.set_expiry(sessions.HALF_SIGNED_IN)
        return response


class NewPasswordForm(ChangePasswordForm):  # type: ignore[misc]  # allauth has no types
    """
    A new password, with the old one counted like any other guess.
    """

    def clean_oldpassword(self) -> str:
        """
        Return the old password if it is right.
        """
        given: str = self.cleaned_data.get("oldpassword", "")
        if not AccountAdapter(context.request).reauthenticate(self.user, given):
            raise forms.ValidationError(SignInRefused.message)
        return given
