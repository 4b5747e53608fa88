"""Onchain trade: one of our fills on chain as a witnessed fact."""
