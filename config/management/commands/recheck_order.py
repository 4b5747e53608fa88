"""`manage.py recheck_order`: asks the broker about one order, ended or not."""

from config.verbs import OrderCommand
from trading.conductor.verbs.requests import Verb


class Command(OrderCommand):
    help = "Ask the broker about an order now, and book what it says."
    verb = Verb.RECHECK_ORDER
