"""The chain: from a node's logs to fills of our orders."""
