from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TradingConfig(AppConfig):
    name = "trading"
    verbose_name = "Hedging"

    def ready(self) -> None:
        from eventstore.aggregates import register_aggregate
        from eventstore.projections import register_views
        from eventstore.snapshots import register_snapshots
        from trading.broker_auth.aggregate import SchwabAuth
        from trading.broker_auth.view import SCHWAB_AUTH_VIEWS
        from trading.ledger.links import TRADE_VIEWS
        from trading.ledger.mode import ensure_installation
        from trading.offchain_order.aggregate import OffchainOrder
        from trading.onchain_trade.aggregate import OnChainTrade
        from trading.position.aggregate import Position
        from trading.position.view import POSITION_VIEWS
        from trading.values.arithmetic import set_exact_context

        set_exact_context()
        register_views(TRADE_VIEWS)
        register_views(POSITION_VIEWS)
        register_views(SCHWAB_AUTH_VIEWS)
        register_aggregate(OnChainTrade)
        register_snapshots(Position)
        register_snapshots(OffchainOrder)
        register_snapshots(SchwabAuth)
        post_migrate.connect(lambda **_: ensure_installation(), sender=self, weak=False)
