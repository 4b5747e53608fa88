"""The ledger over HTTP: positions, trades, orders and the links between them, from whichever memory is read."""

from django.urls import path

from trading.ledger.api.links import LinksView, NettingsView
from trading.ledger.api.orders import OrdersView, OrderView
from trading.ledger.api.positions import PositionsView, PositionView
from trading.ledger.api.trades import TradesView, TradeView

urlpatterns = [
    path("positions/", PositionsView.as_view(), name="positions"),
    path("positions/<str:symbol>/", PositionView.as_view(), name="position"),
    path("trades/", TradesView.as_view(), name="trades"),
    path("trades/<str:trade>/", TradeView.as_view(), name="trade"),
    path("orders/", OrdersView.as_view(), name="orders"),
    path("orders/<int:order>/", OrderView.as_view(), name="order"),
    path("links/", LinksView.as_view(), name="links"),
    path("nettings/", NettingsView.as_view(), name="nettings"),
]
