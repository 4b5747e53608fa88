from django.apps import AppConfig


class AuditTrailConfig(AppConfig):
    name = "audit_trail"
    verbose_name = "Decisions"
