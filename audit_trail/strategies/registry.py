"""Registry: the strategies there are. To add one, make its module and name it here; docs/strategies.md shows how."""

from audit_trail.strategies import congressional, insider
from audit_trail.strategies.strategy import Registry

REGISTRY = Registry(
    congressional.STRATEGY,
    insider.STRATEGY,
)
