"""Rows of Quiver's and bars of Alpaca's, whatever is in them: a record, a row that is parked, or an answer refused."""

from collections import Counter
from datetime import UTC, date, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from audit_trail.ingestion.batches import RecordKind, Unreadable
from audit_trail.sources.alpaca.ingesting import KIND as BARS
from audit_trail.sources.alpaca.rows import as_row
from audit_trail.sources.alpaca.rows import read as read_bar
from audit_trail.sources.alpaca.service import PATH, AlpacaBars
from audit_trail.sources.calls import SourceCalls
from audit_trail.sources.outcomes import SourceError
from audit_trail.sources.quiver.congress.feed import CONGRESS
from audit_trail.sources.quiver.insiders.feed import INSIDERS
from audit_trail.sources.quiver.service import QuiverCalls, _refuse
from audit_trail.sources.window import Window
from config.venues.alpaca_bars import bar_json
from config.venues.quiver_rows import as_v1, congress_row, insider_row
from tests.fuzzing.bounds import ends_well, fuzzed
from tests.fuzzing.mutated import bodies, changed
from trading.values.secret import Secret
