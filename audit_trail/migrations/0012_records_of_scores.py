from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit_trail", "0011_names_of_pages"),
    ]

    operations = [
        migrations.AlterField(
            model_name="tradedecisionrecord",
            name="role",
            field=models.CharField(
                choices=[("signal", "signal"), ("score", "score"), ("price", "price")], max_length=6
            ),
        ),
        migrations.RemoveConstraint(
            model_name="tradedecisionrecord",
            name="trade_decision_records_role",
        ),
        migrations.AddConstraint(
            model_name="tradedecisionrecord",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["signal", "score", "price"])), name="trade_decision_records_role"
            ),
        ),
    ]
