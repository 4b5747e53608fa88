"""Insider trades as rows: the columns of one version of a record each."""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from audit_trail.ingestion.records import SourceRecord
from trading.fields import ExactDecimalField
from trading.values.arithmetic import multiply


class InsiderTransaction(models.TextChoices):
    """What the code of a transaction comes to. Only code P buys in the market, and only code S sells there."""

    PURCHASE = "purchase", "purchase"
    SALE = "sale", "sale"
    OTHER = "other", "other"
    """A grant, an exercise, a gift, tax withheld: none says what the insider thinks of the price."""


class Relationship(models.TextChoices):
    """What the insider is in the company, the highest of it."""

    CEO = "CEO", "CEO"
    CFO = "CFO", "CFO"
    COO = "COO", "COO"
    OFFICER = "Officer", "Officer"
    DIRECTOR = "Director", "Director"
    OWNER = "10% Owner", "10% Owner"
    OTHER = "Other", "Other"


class InsiderTrade(models.Model):
    """A trade that an insider reported. Its symbol, and when we knew of it, stand in its record."""

    record = models.OneToOneField(
        SourceRecord, on_delete=models.PROTECT, primary_key=True, related_name="insider_trade"
    )
    insider = models.CharField(max_length=200)
    relationship = models.CharField(max_length=10, choices=Relationship.choices)
    officer_title = models.CharField(max_length=200, null=True, help_text="as it was told")
    is_director = models.BooleanField(null=True)
    is_officer = models.BooleanField(null=True)
    is_ten_percent_owner = models.BooleanField(null=True)
    transaction = models.CharField(max_length=8, choices=InsiderTransaction.choices)
    code = models.CharField(max_length=2, help_text="Form 4's code of the transaction")
    acquired = models.BooleanField(help_text="else disposed of")
    traded_on = models.DateField()
    shares = ExactDecimalField()
    price_usd = ExactDecimalField(null=True, help_text="empty where none was told, as for grants")
    shares_after = ExactDecimalField(null=True)
    owned_directly = models.BooleanField(null=True)
    filed_told = models.CharField(max_length=40, help_text="the time of filing as it was told, which names no zone")

    class Meta:
        db_table = "insider_trades"
        verbose_name = "insider trade"
        constraints = [
            models.CheckConstraint(
                # By its code alone: what was acquired is mostly granted.
                condition=Q(transaction="purchase", code="P", acquired=True)
                | Q(transaction="sale", code="S", acquired=False)
                | (Q(transaction="other") & ~Q(code__in=["P", "S"])),
                name="insider_trades_transaction",
            ),
        ]
        indexes = [
            models.Index(fields=["insider", "traded_on"], name="insider_trades_insider"),
            models.Index(fields=["traded_on"], name="insider_trades_traded"),
        ]

    def __str__(self) -> str:
        return f"{self.insider}: {self.transaction} on {self.traded_on}"

    @property
    def value_usd(self) -> Decimal | None:
        """What was paid or received; None where no price was told."""
        return None if self.price_usd is None else multiply(self.shares, self.price_usd)
