"""Broker auth: our right to act at a broker, from a login to its end; the tokens lie apart, and only as ciphertexts."""
