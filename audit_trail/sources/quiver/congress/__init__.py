"""Trades of members of Congress, as they report them."""
