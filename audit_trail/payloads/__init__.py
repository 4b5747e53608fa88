"""Payloads: every call to the outside as it was sent, and its answer as it was received, with the secrets taken out."""
