"""Pages: signing in by password and code, and the page on which somebody sets up an authenticator of their own."""

from typing import Any

import structlog
from axes.handlers.proxy import AxesProxyHandler
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp import login as mark_session
from unfold.forms import AuthenticationForm as PasswordForm  # type: ignore[import-untyped]
from unfold.widgets import UnfoldAdminTextInputWidget  # type: ignore[import-untyped]

from config.logins import locked_out
from config.signing import devices, halves
from config.signing.devices import Word, device_of
from config.signing.sessions import end_sessions

log = structlog.get_logger(__name__)

WRONG = "That is not the code of this moment, or it was used before. Wait for the next one."


class CodeForm(forms.Form):
    """Asks for a code."""

    code = forms.CharField(
        max_length=20,
        help_text="Six digits of your authenticator, or a recovery code.",
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "autofocus": "", "spellcheck": "false"}
        ),
    )

    def __init__(self, sent: QueryDict | None = None, *, is_first: bool = False) -> None:
        super().__init__(sent)
        if is_first:
            self.fields["code"].help_text = "The six digits that your authenticator shows now."

    def clean_code(self) -> str:
        """A code as it is, without the spaces that authenticators show."""
        return "".join(self.cleaned_data["code"].split())


class PasswordView(LoginView):
    """Asks for the password, and of whom has an authenticator for its code after that."""

    authentication_form = PasswordForm
    template_name = "admin/login.html"

    def get_default_redirect_url(self) -> str:
        return reverse("admin:index")

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        if device_of(user) is None:
            return super().form_valid(form)
        halves.hold(self.request, user, onward=self.get_success_url(), now=timezone.now())
        return redirect("sign-in-code")


@never_cache
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """The page on which everybody signs in, in the place of the admin's own."""
    if request.method == "GET" and admin.site.has_permission(request):
        return redirect("admin:index")
    told = {
        **admin.site.each_context(request),
        "title": "Log in",
        "subtitle": None,
        "app_path": request.get_full_path(),
        "username": request.user.get_username(),
    }
    return PasswordView.as_view(extra_context=told)(request)


@never_cache
@csrf_protect
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """The second step: the code of whoever has just said the password."""
    half = halves.held(request, now=timezone.now())
    if half is None:
        halves.let_go(request)
        return redirect("admin:login")
    form = CodeForm(request.POST or None)
    if request.method == "POST":
        if (refused := _checked(request, half.user, form)) is not None:
            return refused
        if form.is_valid():
            return _let_in(request, half)
    told = {**admin.site.each_context(request), "title": "Code", "form": form, "name": half.user.get_username()}
    return render(request, "admin/signing/code.html", told)


def _let_in(request: HttpRequest, half: halves.Half) -> HttpResponse:
    halves.let_go(request)
    # django-otp marks the session by it when it begins.
    half.user.otp_device = device_of(half.user)  # type: ignore[attr-defined]
    login(request, half.user, backend=half.backend)
    return redirect(half.onward)


@sensitive_variables("code")
def _checked(request: HttpRequest, user: User, form: CodeForm) -> HttpResponse | None:
    """Hold a code against somebody's; wrong ones count as wrong passwords do. Return what a locked name is answered."""
    if not form.is_valid():
        return None
    credentials = {"username": user.get_username()}
    if not AxesProxyHandler.is_allowed(request, credentials):
        return locked_out(request, None, credentials)
    code = form.cleaned_data["code"]
    word, seconds = devices.hear(user, code, now=timezone.now())
    match word:
        case Word.TOO_SOON:
            form.add_error("code", f"Another code was wrong just before: wait {seconds} s, then try the newest.")
        case Word.WRONG:
            user_login_failed.send(sender=__name__, credentials=credentials, request=request)
            form.add_error("code", WRONG)
        case Word.RIGHT if len(code) != 6:
            log.warning("Recovery code used", user=user.get_username(), left=devices.recovery_left(user))
    return None


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("code")
def _second_factor(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User), "the admin lets nobody else come here"  # noqa: S101 (for mypy)
    match request.POST.get("do"):
        case "begin" if device_of(user) is None:
            key = devices.begin(user)
            return _shown(request, user, key=key, form=CodeForm(is_first=True), is_begun=True)
        case "confirm" if device_of(user) is None:
            return _confirmed(request, user, CodeForm(request.POST, is_first=True))
        case "renew" | "remove" as what if device_of(user) is not None:
            return _changed(request, user, CodeForm(request.POST), what)
    return _shown(request, user, form=CodeForm())


second_factor = never_cache(admin.site.admin_view(_second_factor))
"""The page of somebody's own authenticator: whoever is signed in sets theirs up there, changes or removes it."""


def _confirmed(request: HttpRequest, user: User, form: CodeForm) -> HttpResponse:
    codes = devices.confirm(user, form.cleaned_data["code"]) if form.is_valid() else None
    if codes is None:
        if not form.errors:
            form.add_error("code", "That is not a code of the key that was shown. Try the next one, or begin again.")
        return _shown(request, user, form=form, is_begun=True)
    request.session.cycle_key()
    mark_session(request, device_of(user))
    others = end_sessions(user, but=request.session.session_key, now=timezone.now())
    log.warning("Second factor set up", user=user.get_username(), sessions_ended=others)
    return _shown(request, user, codes=codes, form=CodeForm())


def _changed(request: HttpRequest, user: User, form: CodeForm, what: str) -> HttpResponse:
    """Do what takes a code: new recovery codes, or no authenticator any more."""
    if (refused := _checked(request, user, form)) is not None:
        return refused
    if not form.is_valid():
        return _shown(request, user, form=form)
    if what == "renew":
        log.warning("Recovery codes renewed", user=user.get_username())
        return _shown(request, user, codes=devices.renew_recovery(user), form=CodeForm())
    devices.remove(user)
    request.session.pop(DEVICE_ID_SESSION_KEY, None)
    log.warning("Second factor removed", user=user.get_username())
    messages.success(request, "Your second factor is removed: the password alone signs you in.")
    return redirect("second-factor")


@sensitive_variables("told")
def _shown(request: HttpRequest, user: User, **what: Any) -> HttpResponse:
    told = {
        **admin.site.each_context(request),
        "title": "Second factor",
        "device": device_of(user),
        "recovery_left": devices.recovery_left(user),
        "is_required": settings.REQUIRE_TOTP,
        **what,
    }
    return render(request, "admin/signing/second_factor.html", told)
