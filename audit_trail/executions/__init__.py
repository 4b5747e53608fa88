"""Executions: decisions become orders, one attempt each, one after the other, strongest first."""
