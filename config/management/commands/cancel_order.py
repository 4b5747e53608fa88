"""`manage.py cancel_order`: asks the broker to cancel one order."""

from config.verbs import OrderCommand
from trading.conductor.verbs.requests import Verb


class Command(OrderCommand):
    help = "Ask the broker to cancel an order, and book how it stands then."
    verb = Verb.CANCEL_ORDER
