"""Quiver's address, for whoever asks before there is a database."""

BASE_URL = "https://api.quiverquant.com"
