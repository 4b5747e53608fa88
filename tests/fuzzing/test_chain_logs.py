"""Logs of a chain, whatever is in them: an event and its fill, or an error that says what is to be done with the log."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing.bounds import ends_well, fuzzed
from tests.fuzzing.mutated import changed
from tests.support.chains import V4, V6, logs_of
from trading.chain import rain_float
from trading.chain.after_clear import pair
from trading.chain.decoder import AfterClear, decode
from trading.chain.fills import TokenFacts, concerns, fill_of, leg_of_clear, leg_of_take
from trading.chain.logs import Log, MalformedLog, UnusableLog
from trading.chain.pyth import NoPythPrice, pyth_price
from trading.chain.tokens import UnreadableToken, parse_decimals, parse_symbol
from trading.chain.topics import AFTER_CLEARS, EVENT_NAMES, TAKES
from trading.values.arithmetic import plain
