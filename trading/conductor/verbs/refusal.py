"""Refusal: a request that can't be done as it is asked for."""


class Refused(Exception):
    """Nothing was changed; the message says what may be done instead."""
