from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TradingConfig(AppConfig):
    name = "trading"
    verbose_name = "Hedging"

    def ready(self) -> None:
        from eventstore.aggregates import register_aggregate
        from eventstore.projections import register_inline
        from eventstore.snapshots import register_snapshots
        from trading.ledger.links import OrderLinkProjector, ReorgLinkProjector
        from trading.ledger.mode import ensure_installation
        from trading.offchain_order.aggregate import OffchainOrder
        from trading.offchain_order.view import OffchainOrderProjector
        from trading.onchain_trade.aggregate import OnChainTrade
        from trading.onchain_trade.view import OnChainTradeProjector
        from trading.position.aggregate import Position
        from trading.position.view import PositionProjector
        from trading.values.arithmetic import set_exact_context

        set_exact_context()
        # The link projector stands behind the order's, whose rows it writes to.
        for projector in (
            OnChainTradeProjector(),
            PositionProjector(),
            OffchainOrderProjector(),
            OrderLinkProjector(),
            ReorgLinkProjector(),
        ):
            register_inline(projector)
        register_aggregate(OnChainTrade)
        register_aggregate(Position)
        register_aggregate(OffchainOrder)
        register_snapshots(Position)
        register_snapshots(OffchainOrder)
        post_migrate.connect(lambda **_: ensure_installation(), sender=self, weak=False)
