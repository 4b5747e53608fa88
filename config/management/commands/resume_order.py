"""`manage.py resume_order`: takes one order up again."""

from config.verbs import OrderCommand
from trading.conductor.verbs.requests import Verb


class Command(OrderCommand):
    help = "Take an order up again at once, as if no try had failed, and its symbol with it."
    verb = Verb.RESUME_ORDER
