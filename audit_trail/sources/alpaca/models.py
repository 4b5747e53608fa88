"""Daily bars as rows: the columns of one version of a record each."""

from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual

from audit_trail.ingestion.records import SourceRecord
from trading.fields import ExactDecimalField, Magnitude


class HistoricalBar(models.Model):
    """A session's prices of a symbol, adjusted for splits. After a split the source tells former sessions anew."""

    record = models.OneToOneField(
        SourceRecord, on_delete=models.PROTECT, primary_key=True, related_name="historical_bar"
    )
    symbol = models.CharField(max_length=32)
    day = models.DateField(help_text="of the session")
    began_at = models.DateTimeField(help_text="as the source tells the day: its midnight in New York")
    open_usd = ExactDecimalField()
    high_usd = ExactDecimalField()
    low_usd = ExactDecimalField()
    close_usd = ExactDecimalField()
    volume = models.BigIntegerField(help_text="shares that were traded at the venues of the feed")
    feed = models.CharField(max_length=12, help_text="iex is one exchange, sip is all of them")

    class Meta:
        db_table = "historical_bars"
        verbose_name = "daily bar"
        indexes = [models.Index(fields=["symbol", "day"], name="historical_bars_symbol_day")]
        constraints = [
            models.CheckConstraint(
                condition=GreaterThan(Magnitude(F("low_usd")), 0), name="historical_bars_prices_above_zero"
            ),
            models.CheckConstraint(
                condition=GreaterThanOrEqual(Magnitude(F("open_usd")), Magnitude(F("low_usd")))
                & GreaterThanOrEqual(Magnitude(F("high_usd")), Magnitude(F("open_usd")))
                & GreaterThanOrEqual(Magnitude(F("close_usd")), Magnitude(F("low_usd")))
                & GreaterThanOrEqual(Magnitude(F("high_usd")), Magnitude(F("close_usd"))),
                name="historical_bars_within_low_and_high",
            ),
            models.CheckConstraint(condition=Q(volume__gte=0), name="historical_bars_volume"),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} on {self.day}"
