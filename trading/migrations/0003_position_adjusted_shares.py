from decimal import Decimal

from django.db import migrations

import trading.fields


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0002_read_models"),
    ]

    operations = [
        migrations.AddField(
            model_name="positionview",
            name="adjusted_shares",
            field=trading.fields.ExactDecimalField(
                default=Decimal("0"), help_text="shares that operators set besides, long above zero"
            ),
        ),
        migrations.AddField(
            model_name="tradeaccumulator",
            name="adjusted_shares",
            field=trading.fields.ExactDecimalField(
                default=Decimal("0"), help_text="shares that operators set besides, long above zero"
            ),
        ),
    ]
