"""The admin's sidebar: what an operator asks first stands first."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _page(title: str, icon: str, model: str) -> dict[str, Any]:
    """Link to a model's rows, for those who may see them."""
    app, name = model.split(".")

    def permission(request: HttpRequest) -> bool:
        user = request.user
        return any(user.has_perm(f"{app}.{right}_{name}") for right in ("view", "change"))

    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": permission,
    }


def _report(title: str, icon: str, link: Any) -> dict[str, Any]:
    """Link to the page of a report, for those who may see decisions."""

    def permission(request: HttpRequest) -> bool:
        return request.user.has_perm("audit_trail.view_tradedecision")

    return {"title": title, "icon": icon, "link": link, "permission": permission}


BLUE = {
    "50": "oklch(97% .014 254.604)",
    "100": "oklch(93.2% .032 255.585)",
    "200": "oklch(88.2% .059 254.128)",
    "300": "oklch(80.9% .105 251.813)",
    "400": "oklch(70.7% .165 254.624)",
    "500": "oklch(65% .2 257)",
    "600": "oklch(51% .19 260)",
    "700": "oklch(45% .18 262)",
    "800": "oklch(40% .15 264)",
    "900": "oklch(35% .12 265.5)",
    "950": "oklch(28.2% .091 267.935)",
}


def _may_see_failed(request: HttpRequest) -> bool:
    user = request.user
    return any(user.has_perm(right) for right in ("audit_trail.view_tradedecision", "trading.view_offchaintrade"))


def _may_see_desk(request: HttpRequest) -> bool:
    return request.user.has_perm("trading.view_tradeaccumulator")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Hedgetrail",
    "SITE_HEADER": "Hedgetrail",
    "SITE_SUBHEADER": "Every trade explained",
    "SITE_SYMBOL": "timeline",
    "SITE_URL": "/",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("desk/mark.svg")}],
    "STYLES": [lambda request: static("desk/admin.css")],
    # The desk's blue: the theme's violet is too dark to be read on its dark ground.
    "COLORS": {"primary": BLUE},
    "ACCOUNT": {
        "navigation": [
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
            {"title": "Second factor", "link": reverse_lazy("second-factor")},
        ],
    },
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": [
            {
                "title": "At risk",
                "separator": True,
                "items": [
                    {
                        "title": "Desk",
                        "icon": "dashboard",
                        "link": reverse_lazy("desk"),
                        "permission": _may_see_desk,
                        "active": False,  # Its address begins that of every page, and it has no sidebar itself.
                    },
                    {
                        "title": "Failed trades",
                        "icon": "error",
                        "link": reverse_lazy("desk-failed"),
                        "permission": _may_see_failed,
                    },
                    _page("Notices", "notifications", "trading.notice"),
                    _page("Alert deliveries", "outgoing_mail", "audit_trail.alertdelivery"),
                    _page("Positions", "balance", "trading.tradeaccumulator"),
                    _page("Orders", "receipt_long", "trading.offchaintrade"),
                    _page("Open exposure", "timer", "trading.exposure"),
                    _page("Logins", "key", "trading.schwabauthview"),
                    _page("Waiting symbols", "hourglass_empty", "trading.symbolwait"),
                    _page("Order work", "replay", "trading.orderwork"),
                    _page("Operators' requests", "support_agent", "trading.operatorrequest"),
                    _page("Holdings", "inventory_2", "trading.holdingcheck"),
                    _page("Holding baselines", "straighten", "trading.holdingbaseline"),
                    _page("Broker pauses", "pause_circle", "trading.brokerpause"),
                    _page("Orders on their way", "send", "trading.sending"),
                    _page("Absent orders", "search_off", "trading.absence"),
                    _page("Trading accounts", "account_balance", "trading.tradingaccount"),
                ],
            },
            {
                "title": "Decisions",
                "separator": True,
                "items": [
                    _page("Decisions", "psychology", "audit_trail.tradedecision"),
                    _report("Decisions to look at", "flag", reverse_lazy("desk-decisions")),
                    _page("Planned days", "event_note", "audit_trail.plannedday"),
                    _page("Dropped candidates", "filter_alt_off", "audit_trail.droppedcandidate"),
                    _page("Decisions of days", "rule", "audit_trail.planneddecision"),
                    _page("Executions", "play_arrow", "audit_trail.tradeexecution"),
                    _page("Fills of executions", "water_drop", "audit_trail.executionfill"),
                    _page("Holdings of decisions", "inventory", "audit_trail.decisionholding"),
                    _page("Records of decisions", "link", "audit_trail.tradedecisionrecord"),
                    _page("Runs of decisions", "link", "audit_trail.tradedecisionrun"),
                    _page("Legacy orders", "receipt", "audit_trail.alpacaorder"),
                ],
            },
            {
                "title": "Reports",
                "separator": True,
                "items": [
                    _report("Report of a day", "today", reverse_lazy("report-page", args=["day"])),
                    _report("Report of a symbol", "monitoring", reverse_lazy("report-page", args=["symbol"])),
                    _report("Report of strategies", "leaderboard", reverse_lazy("report-page", args=["strategies"])),
                    _report("Report of failures", "error", reverse_lazy("report-page", args=["failures"])),
                    _report("What was known", "history_edu", reverse_lazy("report-page", args=["known"])),
                    _report("A trade's lineage", "account_tree", reverse_lazy("report-trade-page")),
                    _report("Storage of the audit trail", "database", reverse_lazy("report-page", args=["storage"])),
                ],
            },
            {
                "title": "Profit",
                "separator": True,
                "items": [
                    _page("Profits", "trending_up", "trading.profitrow"),
                    _page("Fills without profit", "money_off", "trading.excludedfill"),
                    _page("Moved fills", "move_down", "trading.movedfill"),
                ],
            },
            {
                "title": "Risk",
                "separator": True,
                "items": [
                    _page("Kill switches", "power_settings_new", "trading.killswitch"),
                    _page("Restricted symbols", "block", "trading.restrictedsymbol"),
                    _page("Limits", "speed", "trading.risklimit"),
                    _page("Denials", "do_not_disturb_on", "trading.denial"),
                    _page("Checks", "fact_check", "trading.riskcheck"),
                    _page("Changes", "manage_history", "trading.riskchange"),
                    _page("Broker facts", "storefront", "trading.brokerfact"),
                ],
            },
            {
                "title": "Chain",
                "separator": True,
                "items": [
                    _page("Queued logs", "inbox", "trading.queuedlog"),
                    _page("Onchain trades", "swap_horiz", "trading.onchaintrade"),
                    _page("Enrichments", "local_gas_station", "trading.enrichment"),
                    _page("Checkpoints", "flag", "trading.chaincheckpoint"),
                    _page("Blocks", "view_in_ar", "trading.chainblock"),
                    _page("Tokens", "toll", "trading.token"),
                ],
            },
            {
                "title": "Books",
                "separator": True,
                "collapsible": True,
                "items": [
                    _page("Links", "link", "trading.tradeexecutionlink"),
                    _page("Netting links", "compare_arrows", "trading.nettinglink"),
                    _page("Positions (view)", "balance", "trading.positionview"),
                    _page("Onchain trades (view)", "swap_horiz", "trading.onchaintradeview"),
                    _page("Offchain orders (view)", "receipt_long", "trading.offchainorderview"),
                    _page("Links (view)", "link", "trading.tradelinkview"),
                    _page("Netting links (view)", "compare_arrows", "trading.nettinglinkview"),
                ],
            },
            {
                "title": "Events",
                "separator": True,
                "items": [
                    _page("Events", "history", "eventstore.storedevent"),
                    _page("Projections", "fast_forward", "eventstore.projection"),
                    _page("Seals", "verified", "eventstore.storedseal"),
                    _page("Archives", "inventory_2", "eventstore.eventarchive"),
                    _page("Event backlog", "pending_actions", "trading.backloggedevent"),
                ],
            },
            {
                "title": "Market intelligence",
                "separator": True,
                "items": [
                    _page("Ingestion runs", "cloud_download", "audit_trail.dataingestionrun"),
                    _page("Congress trades", "gavel", "audit_trail.congresstrade"),
                    _page("Insider trades", "badge", "audit_trail.insidertrade"),
                    _page("Daily bars", "candlestick_chart", "audit_trail.historicalbar"),
                    _page("Records", "description", "audit_trail.sourcerecord"),
                    _page("Records of runs", "fact_check", "audit_trail.dataingestionrunrecord"),
                    _page("Parked rows", "report", "audit_trail.parkedrow"),
                    _page("Allowances", "speed", "audit_trail.sourceallowance"),
                ],
            },
            {
                "title": "Calls",
                "separator": True,
                "items": [
                    _page("Calls", "call_made", "audit_trail.apicalllog"),
                    _page("Payloads", "data_object", "audit_trail.apipayload"),
                ],
            },
            {
                "title": "Housekeeping",
                "separator": True,
                "collapsible": True,
                "items": [
                    _page("Alert channels", "campaign", "audit_trail.alertchannel"),
                    _page("Stations", "monitor_heart", "trading.stationheartbeat"),
                    _page("Station leases", "key", "trading.stationlease"),
                    _page("Ledger mode", "tune", "trading.ledgermode"),
                    _page("Installation", "fingerprint", "trading.installation"),
                    _page("Symbol locks", "lock", "trading.symbollock"),
                    _page("Tokens of brokers", "password", "trading.brokertoken"),
                    _page("Login rows", "passkey", "trading.brokerlogin"),
                    _page("Login notes", "outbox", "trading.authnote"),
                    _page("Dry run orders", "science", "trading.dryrunorder"),
                    _page("Table samples", "data_usage", "trading.tablesample"),
                    _page("Schedules", "schedule", "django_q.schedule"),
                    _page("Queued tasks", "queue", "django_q.ormq"),
                    _page("Tasks that went well", "task_alt", "django_q.success"),
                    _page("Tasks that failed", "running_with_errors", "django_q.failure"),
                    _page("API tokens", "vpn_key", "eventstore.apitoken"),
                    _page("Users", "person", "auth.user"),
                    _page("Groups", "group", "auth.group"),
                    _page("Logins of users", "login", "axes.accesslog"),
                    _page("Refused logins", "lock_clock", "axes.accessattempt"),
                ],
            },
        ],
    },
}
