"""Signing in: the password, the code of an authenticator where somebody has one, and how long a session lasts."""
