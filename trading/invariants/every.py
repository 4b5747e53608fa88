"""Every invariant of the hedge, in the order in which a fill passes what they are of."""

from trading.invariants.deadlines import due_work_is_not_passed_by, gate_ends_in_time, unknown_order_is_told
from trading.invariants.ends import (
    broker_holds_what_is_booked,
    fills_only_grow,
    state_has_its_facts,
    unknown_is_failed_by_proof_alone,
)
from trading.invariants.exposure import net_is_what_was_filled, open_exposure_is_told
from trading.invariants.fills import (
    checkpoint_is_in_order,
    fill_is_one_trade,
    log_has_its_outcome,
    trade_is_one_log,
)
from trading.invariants.gate import (
    hedge_was_let_through,
    limits_were_kept,
    market_was_open,
    nothing_is_placed_while_stopped,
)
from trading.invariants.memories import links_add_up, log_is_as_recorded, memories_agree
from trading.invariants.orders import (
    broker_order_is_one_intent,
    one_open_order_a_symbol,
    order_was_meant_before_it_was_sent,
)

AFTER_EACH_COMMIT = (
    one_open_order_a_symbol,
    broker_order_is_one_intent,
    order_was_meant_before_it_was_sent,
    state_has_its_facts,
    unknown_is_failed_by_proof_alone,
    hedge_was_let_through,
    limits_were_kept,
    market_was_open,
)
"""Those that look at orders alone, so that whoever steps through a story can ask after each step."""

OF_THE_HEDGE = (
    checkpoint_is_in_order,
    log_has_its_outcome,
    fill_is_one_trade,
    trade_is_one_log,
    net_is_what_was_filled,
    links_add_up,
    hedge_was_let_through,
    limits_were_kept,
    nothing_is_placed_while_stopped,
    market_was_open,
    one_open_order_a_symbol,
    broker_order_is_one_intent,
    order_was_meant_before_it_was_sent,
    state_has_its_facts,
    fills_only_grow,
    unknown_is_failed_by_proof_alone,
    broker_holds_what_is_booked,
    memories_agree,
    log_is_as_recorded,
    open_exposure_is_told,
    unknown_order_is_told,
    due_work_is_not_passed_by,
    gate_ends_in_time,
)
