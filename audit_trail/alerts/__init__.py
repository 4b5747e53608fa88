"""Alerts: rules over what is recorded, and notices brought to people who do not look at the admin."""
