"""Logins in the admin: who logged in, and who tried in vain. django-axes keeps both; nothing of it can be changed."""

from axes.models import AccessAttempt, AccessLog
from django.contrib import admin

from eventstore.read_only import ReadOnlyAdmin


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnlyAdmin):
    """A name that was tried in vain from an address, since its last success."""

    list_display = ("attempt_time", "username", "ip_address", "failures_since_start")
    fields = ("attempt_time", "username", "ip_address", "failures_since_start", "user_agent", "path_info")
    search_fields = ("username", "ip_address")
    search_help_text = "A name or an address"


@admin.register(AccessLog)
class AccessLogAdmin(ReadOnlyAdmin):
    """A login that went well."""

    list_display = ("attempt_time", "username", "ip_address", "logout_time")
    fields = ("attempt_time", "username", "ip_address", "logout_time", "user_agent")
    search_fields = ("username", "ip_address")
    search_help_text = "A name or an address"
