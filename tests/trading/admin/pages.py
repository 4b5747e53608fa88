"""Every model that the admin shows, with a factory of its rows."""

import re

from django.contrib.admin.utils import quote
from django.urls import reverse

from tests.support import alerted, decided, ingested
from tests.support import factories as make

ROWS = {
    "trading.queuedlog": make.queued_log,
    "trading.onchaintrade": make.onchain_trade,
    "trading.onchaintradeview": make.onchain_trade_view,
    "trading.tradeaccumulator": make.position,
    "trading.positionview": make.position_view,
    "trading.offchaintrade": make.order,
    "trading.offchainorderview": make.order_view,
    "trading.tradeexecutionlink": make.link,
    "trading.nettinglink": make.netting_link,
    "trading.tradelinkview": make.link_view,
    "trading.nettinglinkview": make.netting_link_view,
    "trading.backloggedevent": make.backlogged_event,
    "trading.notice": make.notice,
    "trading.symbolwait": make.symbol_wait,
    "trading.orderwork": make.order_work,
    "trading.stationheartbeat": make.heartbeat,
    "trading.stationlease": make.lease,
    "trading.exposure": make.exposure,
    "trading.movedfill": make.moved_fill,
    "trading.profitrow": make.profit_row,
    "trading.excludedfill": make.excluded_fill,
    "trading.enrichment": make.enrichment,
    "trading.chaincheckpoint": make.checkpoint,
    "trading.chainblock": make.block,
    "trading.token": make.token,
    "trading.symbollock": make.symbol_lock,
    "trading.ledgermode": make.ledger_mode,
    "trading.installation": make.installation,
    "trading.tablesample": make.table_sample,
    "trading.dryrunorder": make.dry_run_order,
    "trading.schwabauthview": make.schwab_auth_view,
    "trading.brokertoken": make.broker_token,
    "trading.brokerlogin": make.broker_login,
    "trading.authnote": make.auth_note,
    "trading.operatorrequest": make.operator_request,
    "trading.killswitch": make.kill_switch,
    "trading.restrictedsymbol": make.restricted_symbol,
    "trading.risklimit": make.risk_limit,
    "trading.riskchange": make.risk_change,
    "trading.denial": make.denial,
    "trading.riskcheck": make.risk_check,
    "trading.brokerfact": make.broker_fact,
    "eventstore.apitoken": make.api_token,
    "eventstore.storedevent": make.event,
    "eventstore.projection": make.projection,
    "eventstore.storedseal": make.seal,
    "eventstore.eventarchive": make.archive,
    "audit_trail.alertchannel": alerted.channel,
    "audit_trail.alertdelivery": alerted.delivery,
    "audit_trail.apicalllog": make.api_call,
    "audit_trail.apipayload": make.api_payload,
    "audit_trail.dataingestionrun": ingested.run,
    "audit_trail.dataingestionrunrecord": ingested.run_record,
    "audit_trail.sourcerecord": ingested.record,
    "audit_trail.parkedrow": ingested.parked_row,
    "audit_trail.sourceallowance": ingested.allowance,
    "audit_trail.congresstrade": ingested.congress_trade,
    "audit_trail.insidertrade": ingested.insider_trade,
    "audit_trail.tradedecision": decided.decision,
    "audit_trail.tradedecisionrecord": decided.record_of_decision,
    "audit_trail.tradedecisionrun": decided.run_of_decision,
    "audit_trail.tradeexecution": decided.execution,
    "audit_trail.executionfill": decided.fill,
    "audit_trail.decisionholding": decided.holding,
    "audit_trail.alpacaorder": decided.legacy_order,
}

# Those that an operator may change, with a reason.
CONTROLS = {"trading.killswitch", "trading.restrictedsymbol", "trading.risklimit"}

# Those that hold one row only.
SINGLE = {"trading.ledgermode", "trading.installation", "trading.schwabauthview"}


def list_of(model):
    return reverse(f"admin:{model.replace('.', '_')}_changelist")


def page_of(row):
    return reverse(f"admin:{row._meta.label_lower.replace('.', '_')}_change", args=[quote(row.pk)])


def rows_in(answer):
    return list(answer.context["cl"].result_list)


def text_of(answer):
    """Return what a reader sees, with the spaces run together."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.content.decode()))


def links_in(answer):
    return [
        link.replace("&amp;", "&")
        for link in re.findall(r'href="([^"]+)" class="text-link(?: underline)?"', answer.content.decode())
    ]
