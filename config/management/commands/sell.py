"""`manage.py sell`: a manual hedge."""

from config.verbs import HandOrderCommand
from trading.conductor.verbs.requests import Verb


class Command(HandOrderCommand):
    help = "Sell shares at the broker by hand: counted in the position, and passed by the risk gate."
    verb = Verb.SELL
