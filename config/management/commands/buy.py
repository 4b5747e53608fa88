"""`manage.py buy`: a manual hedge."""

from config.verbs import HandOrderCommand
from trading.conductor.verbs.requests import Verb


class Command(HandOrderCommand):
    help = "Buy shares at the broker by hand: counted in the position, and passed by the risk gate."
    verb = Verb.BUY
