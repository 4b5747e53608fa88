"""Congress trades as rows: the columns of one version of a record each."""

from django.db import models
from django.db.models import Q

from audit_trail.ingestion.records import SourceRecord
from trading.fields import ExactDecimalField


class CongressTransaction(models.TextChoices):
    """What was done; whether all or a part was sold stands in the words of the report."""

    PURCHASE = "purchase", "purchase"
    SALE = "sale", "sale"
    EXCHANGE = "exchange", "exchange"


class CongressTrade(models.Model):
    """A trade that a member of Congress reported. Its symbol, and when we knew of it, stand in its record."""

    record = models.OneToOneField(
        SourceRecord, on_delete=models.PROTECT, primary_key=True, related_name="congress_trade"
    )
    politician = models.CharField(max_length=200)
    bioguide_id = models.CharField(max_length=20, null=True)
    chamber = models.CharField(max_length=6, null=True, choices=[("house", "house"), ("senate", "senate")])
    party = models.CharField(max_length=40, null=True)
    state = models.CharField(max_length=40, null=True)
    district = models.CharField(max_length=40, null=True)
    transaction = models.CharField(max_length=8, choices=CongressTransaction.choices)
    transaction_told = models.CharField(max_length=60, help_text="in the words of the report")
    traded_on = models.DateField()
    amount_low_usd = ExactDecimalField(null=True, help_text="reports tell a range; this is its lower end")
    amount_high_usd = ExactDecimalField(null=True, help_text="empty where it was not told, or has no upper end")
    asset_type = models.CharField(max_length=60, null=True, help_text="CS and ST are common stock")
    company = models.TextField(null=True)
    description = models.TextField(null=True)
    subholding = models.TextField(null=True)
    filing_status = models.TextField(null=True)
    comments = models.TextField(null=True)

    class Meta:
        db_table = "congress_trades"
        verbose_name = "congress trade"
        constraints = [
            models.CheckConstraint(
                condition=Q(transaction__in=["purchase", "sale", "exchange"]), name="congress_trades_transaction"
            ),
        ]
        indexes = [
            models.Index(fields=["bioguide_id", "traded_on"], name="congress_trades_politician"),
            models.Index(fields=["traded_on"], name="congress_trades_traded"),
        ]

    def __str__(self) -> str:
        return f"{self.politician}: {self.transaction} on {self.traded_on}"
