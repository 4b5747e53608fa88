"""Runs of ingestion, the records that come of them, and the rows that could not be read."""

import uuid

import django.db.models.deletion
import django.db.models.expressions
import django_fsm
from django.db import migrations, models

import trading.fields


class Migration(migrations.Migration):
    dependencies = [
        ("audit_trail", "0001_payloads"),
    ]

    operations = [
        migrations.CreateModel(
            name="SourceRecord",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        help_text="as congress_trade; its columns are in the table of that kind", max_length=40
                    ),
                ),
                ("key", models.CharField(help_text="SHA-256 of what makes it the record that it is", max_length=64)),
                (
                    "occurrence",
                    models.IntegerField(help_text="from 1; a source may tell two that are alike in all of the key"),
                ),
                (
                    "version",
                    models.IntegerField(
                        help_text="from 1; another each time that the source says something else of it"
                    ),
                ),
                ("content", models.CharField(help_text="SHA-256 of its columns", max_length=64)),
                (
                    "detail",
                    models.TextField(
                        help_text="what tells records of one key apart, where the source says it", null=True
                    ),
                ),
                (
                    "symbol",
                    models.CharField(help_text="empty where it is in nothing that is listed", max_length=32, null=True),
                ),
                ("disclosed_on", models.DateField(help_text="the day on which it was public, as the source says")),
                (
                    "known_at",
                    models.DateTimeField(help_text="when this version came into our tables, and so could be acted on"),
                ),
                ("superseded_at", models.DateTimeField(help_text="when the next version did", null=True)),
                ("row", models.TextField(help_text="as it was received")),
            ],
            options={
                "verbose_name": "record",
                "db_table": "source_records",
            },
        ),
        migrations.CreateModel(
            name="DataIngestionRun",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("run_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("task_name", models.CharField(max_length=40)),
                ("data_source", models.CharField(max_length=40)),
                (
                    "narrowed_to",
                    models.CharField(
                        help_text="a part of what the source has, as one ticker; empty: all of the window",
                        max_length=60,
                        null=True,
                    ),
                ),
                (
                    "data_date_start",
                    models.DateField(help_text="the first day of disclosure that was asked for", null=True),
                ),
                ("data_date_end", models.DateField(help_text="the last", null=True)),
                (
                    "status",
                    django_fsm.FSMField(
                        choices=[("running", "running"), ("completed", "completed"), ("failed", "failed")],
                        default="running",
                        max_length=10,
                        protected=True,
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("completed_at", models.DateTimeField(null=True)),
                ("failed_at", models.DateTimeField(null=True)),
                ("holder", models.CharField(help_text="the process that runs it", max_length=80)),
                (
                    "alive_until",
                    models.DateTimeField(help_text="renewed while it runs; past it, the process is taken for dead"),
                ),
                ("records_fetched", models.IntegerField(default=0)),
                ("records_created", models.IntegerField(default=0)),
                ("records_updated", models.IntegerField(default=0)),
                ("records_skipped", models.IntegerField(default=0)),
                (
                    "records_parked",
                    models.IntegerField(default=0, help_text="rows that could not be read, each kept with the reason"),
                ),
                ("error_message", models.TextField(null=True)),
                (
                    "error_details",
                    models.TextField(help_text="as JSON: the error's class, and where it was raised", null=True),
                ),
            ],
            options={
                "verbose_name": "ingestion run",
                "db_table": "data_ingestion_runs",
            },
            bases=(django_fsm.ConcurrentTransitionMixin, models.Model),
        ),
        migrations.CreateModel(
            name="DataIngestionRunRecord",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "operation",
                    models.CharField(
                        choices=[("created", "created"), ("updated", "updated"), ("skipped", "skipped")], max_length=7
                    ),
                ),
            ],
            options={
                "verbose_name": "record of a run",
                "db_table": "data_ingestion_run_records",
            },
        ),
        migrations.CreateModel(
            name="ParkedRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.CharField(help_text="of which record it would be", max_length=40)),
                (
                    "mark",
                    models.CharField(
                        help_text="SHA-256 of the row without what changes from day to day", max_length=64
                    ),
                ),
                ("row", models.TextField(help_text="as it was received first")),
                ("reason", models.TextField()),
                ("times", models.IntegerField(default=1)),
                ("first_met_at", models.DateTimeField()),
                ("last_met_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(help_text="when a run could read it", null=True)),
            ],
            options={
                "verbose_name": "parked row",
                "db_table": "parked_rows",
            },
        ),
        migrations.CreateModel(
            name="SourceAllowance",
            fields=[
                ("source", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("day", models.DateField(help_text="in UTC")),
                ("calls", models.IntegerField(default=0)),
                ("next_call_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "allowance",
                "db_table": "source_allowances",
            },
        ),
        migrations.CreateModel(
            name="CongressTrade",
            fields=[
                (
                    "record",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="congress_trade",
                        serialize=False,
                        to="audit_trail.sourcerecord",
                    ),
                ),
                ("politician", models.CharField(max_length=200)),
                ("bioguide_id", models.CharField(max_length=20, null=True)),
                (
                    "chamber",
                    models.CharField(choices=[("house", "house"), ("senate", "senate")], max_length=6, null=True),
                ),
                ("party", models.CharField(max_length=40, null=True)),
                ("state", models.CharField(max_length=40, null=True)),
                ("district", models.CharField(max_length=40, null=True)),
                (
                    "transaction",
                    models.CharField(
                        choices=[("purchase", "purchase"), ("sale", "sale"), ("exchange", "exchange")], max_length=8
                    ),
                ),
                ("transaction_told", models.CharField(help_text="in the words of the report", max_length=60)),
                ("traded_on", models.DateField()),
                (
                    "amount_low_usd",
                    trading.fields.ExactDecimalField(
                        help_text="reports tell a range; this is its lower end", null=True
                    ),
                ),
                (
                    "amount_high_usd",
                    trading.fields.ExactDecimalField(
                        help_text="empty where it was not told, or has no upper end", null=True
                    ),
                ),
                ("asset_type", models.CharField(help_text="CS and ST are common stock", max_length=60, null=True)),
                ("company", models.TextField(null=True)),
                ("description", models.TextField(null=True)),
                ("subholding", models.TextField(null=True)),
                ("filing_status", models.TextField(null=True)),
                ("comments", models.TextField(null=True)),
            ],
            options={
                "verbose_name": "congress trade",
                "db_table": "congress_trades",
            },
        ),
        migrations.CreateModel(
            name="InsiderTrade",
            fields=[
                (
                    "record",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="insider_trade",
                        serialize=False,
                        to="audit_trail.sourcerecord",
                    ),
                ),
                ("insider", models.CharField(max_length=200)),
                (
                    "relationship",
                    models.CharField(
                        choices=[
                            ("CEO", "CEO"),
                            ("CFO", "CFO"),
                            ("COO", "COO"),
                            ("Officer", "Officer"),
                            ("Director", "Director"),
                            ("10% Owner", "10% Owner"),
                            ("Other", "Other"),
                        ],
                        max_length=10,
                    ),
                ),
                ("officer_title", models.CharField(help_text="as it was told", max_length=200, null=True)),
                ("is_director", models.BooleanField(null=True)),
                ("is_officer", models.BooleanField(null=True)),
                ("is_ten_percent_owner", models.BooleanField(null=True)),
                (
                    "transaction",
                    models.CharField(
                        choices=[("purchase", "purchase"), ("sale", "sale"), ("other", "other")], max_length=8
                    ),
                ),
                ("code", models.CharField(help_text="Form 4's code of the transaction", max_length=2)),
                ("acquired", models.BooleanField(help_text="else disposed of")),
                ("traded_on", models.DateField()),
                ("shares", trading.fields.ExactDecimalField()),
                (
                    "price_usd",
                    trading.fields.ExactDecimalField(help_text="empty where none was told, as for grants", null=True),
                ),
                ("shares_after", trading.fields.ExactDecimalField(null=True)),
                ("owned_directly", models.BooleanField(null=True)),
                (
                    "filed_told",
                    models.CharField(help_text="the time of filing as it was told, which names no zone", max_length=40),
                ),
            ],
            options={
                "verbose_name": "insider trade",
                "db_table": "insider_trades",
            },
        ),
        migrations.AddIndex(
            model_name="sourcerecord",
            index=models.Index(fields=["kind", "disclosed_on"], name="source_records_disclosed"),
        ),
        migrations.AddIndex(
            model_name="sourcerecord",
            index=models.Index(fields=["symbol", "known_at"], name="source_records_symbol"),
        ),
        migrations.AddIndex(
            model_name="sourcerecord",
            index=models.Index(fields=["kind", "known_at"], name="source_records_known"),
        ),
        migrations.AddConstraint(
            model_name="sourcerecord",
            constraint=models.UniqueConstraint(
                fields=("kind", "key", "occurrence", "version"), name="source_records_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="sourcerecord",
            constraint=models.UniqueConstraint(
                condition=models.Q(("superseded_at", None)),
                fields=("kind", "key", "occurrence"),
                name="source_records_one_current",
            ),
        ),
        migrations.AddConstraint(
            model_name="sourcerecord",
            constraint=models.CheckConstraint(
                condition=models.Q(("occurrence__gte", 1), ("version__gte", 1)), name="source_records_from_1"
            ),
        ),
        migrations.AddConstraint(
            model_name="sourcerecord",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("superseded_at", None), ("superseded_at__gte", models.F("known_at")), _connector="OR"
                ),
                name="source_records_in_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="sourcerecord",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("key", ""), _negated=True), models.Q(("content", ""), _negated=True)),
                name="source_records_hashed",
            ),
        ),
        migrations.AddIndex(
            model_name="dataingestionrun",
            index=models.Index(fields=["task_name", "started_at"], name="data_ingestion_runs_task"),
        ),
        migrations.AddIndex(
            model_name="dataingestionrun",
            index=models.Index(fields=["data_source", "started_at"], name="data_ingestion_runs_source"),
        ),
        migrations.AddIndex(
            model_name="dataingestionrun",
            index=models.Index(fields=["status", "started_at"], name="data_ingestion_runs_status"),
        ),
        migrations.AddConstraint(
            model_name="dataingestionrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "running")),
                fields=("task_name",),
                name="data_ingestion_runs_one_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="dataingestionrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("completed_at", None), ("error_message", None), ("failed_at", None), ("status", "running")
                    ),
                    models.Q(
                        ("completed_at__isnull", False),
                        ("error_message", None),
                        ("failed_at", None),
                        ("status", "completed"),
                    ),
                    models.Q(
                        ("completed_at", None),
                        ("error_message__isnull", False),
                        ("failed_at__isnull", False),
                        ("status", "failed"),
                    ),
                    _connector="OR",
                ),
                name="data_ingestion_runs_one_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="dataingestionrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status", "completed"),
                    models.Q(
                        ("records_created", 0), ("records_parked", 0), ("records_skipped", 0), ("records_updated", 0)
                    ),
                    _connector="OR",
                ),
                name="data_ingestion_runs_nothing_in_part",
            ),
        ),
        migrations.AddConstraint(
            model_name="dataingestionrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "records_fetched",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    models.F("records_created"), "+", models.F("records_updated")
                                ),
                                "+",
                                models.F("records_skipped"),
                            ),
                            "+",
                            models.F("records_parked"),
                        ),
                    )
                ),
                name="data_ingestion_runs_each_row_accounted_for",
            ),
        ),
        migrations.AddConstraint(
            model_name="dataingestionrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("records_created__gte", 0),
                    ("records_updated__gte", 0),
                    ("records_parked__gte", 0),
                    ("records_skipped__gte", 0),
                ),
                name="data_ingestion_runs_counts",
            ),
        ),
        migrations.AddField(
            model_name="dataingestionrunrecord",
            name="record",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="runs",
                to="audit_trail.sourcerecord",
            ),
        ),
        migrations.AddField(
            model_name="dataingestionrunrecord",
            name="run",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="records",
                to="audit_trail.dataingestionrun",
            ),
        ),
        migrations.AddField(
            model_name="parkedrow",
            name="first_run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="parked_first",
                to="audit_trail.dataingestionrun",
            ),
        ),
        migrations.AddField(
            model_name="parkedrow",
            name="last_run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="parked_last",
                to="audit_trail.dataingestionrun",
            ),
        ),
        migrations.AddConstraint(
            model_name="sourceallowance",
            constraint=models.CheckConstraint(condition=models.Q(("calls__gte", 0)), name="source_allowances_calls"),
        ),
        migrations.AddIndex(
            model_name="congresstrade",
            index=models.Index(fields=["bioguide_id", "traded_on"], name="congress_trades_politician"),
        ),
        migrations.AddIndex(
            model_name="congresstrade",
            index=models.Index(fields=["traded_on"], name="congress_trades_traded"),
        ),
        migrations.AddConstraint(
            model_name="congresstrade",
            constraint=models.CheckConstraint(
                condition=models.Q(("transaction__in", ["purchase", "sale", "exchange"])),
                name="congress_trades_transaction",
            ),
        ),
        migrations.AddIndex(
            model_name="insidertrade",
            index=models.Index(fields=["insider", "traded_on"], name="insider_trades_insider"),
        ),
        migrations.AddIndex(
            model_name="insidertrade",
            index=models.Index(fields=["traded_on"], name="insider_trades_traded"),
        ),
        migrations.AddConstraint(
            model_name="insidertrade",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("acquired", True), ("code", "P"), ("transaction", "purchase")),
                    models.Q(("acquired", False), ("code", "S"), ("transaction", "sale")),
                    models.Q(("transaction", "other"), models.Q(("code__in", ["P", "S"]), _negated=True)),
                    _connector="OR",
                ),
                name="insider_trades_transaction",
            ),
        ),
        migrations.AddIndex(
            model_name="dataingestionrunrecord",
            index=models.Index(fields=["run", "id"], name="data_ingestion_run_records_run"),
        ),
        migrations.AddConstraint(
            model_name="dataingestionrunrecord",
            constraint=models.UniqueConstraint(fields=("record", "run"), name="data_ingestion_run_records_once"),
        ),
        migrations.AddConstraint(
            model_name="dataingestionrunrecord",
            constraint=models.CheckConstraint(
                condition=models.Q(("operation__in", ["created", "updated", "skipped"])),
                name="data_ingestion_run_records_operation",
            ),
        ),
        migrations.AddIndex(
            model_name="parkedrow",
            index=models.Index(condition=models.Q(("settled_at", None)), fields=["kind"], name="parked_rows_open"),
        ),
        migrations.AddConstraint(
            model_name="parkedrow",
            constraint=models.UniqueConstraint(fields=("kind", "mark"), name="parked_rows_once"),
        ),
    ]
