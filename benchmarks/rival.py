"""The rival: the library `eventsourcing`, set up as its documentation says, with the same events."""

from datetime import datetime
from decimal import Decimal
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from psycopg.conninfo import conninfo_to_dict

from benchmarks.contenders import LOADED, PAGE, streams
from benchmarks.payloads import filled
from benchmarks.scratch import Scratch, SQLiteFiles


class Account(Aggregate):
    """The net of all fills."""

    @event("Opened")
    def __init__(self, name: str) -> None:
        self.name = name
        self.net = Decimal(0)

    @staticmethod
    def create_id(name: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/benchmark/{name}")

    @event("Filled")
    def fill(
        self,
        trade: str,
        symbol: str,
        token_symbol: str,
        side: str,
        amount: Decimal,
        price_usdc: Decimal,
        block_number: int,
        block_hash: str,
        block_timestamp: datetime,
        amount_raw: str,
    ) -> None:
        self.net += amount if side == "BUY" else -amount


class Books(Application[UUID]):
    log_section_size = PAGE


class Rival:
    """An application of the library.

    It makes its tables when it starts, and several processes that do so at once break one another ("tuple concurrently
    updated"); so writers are told that the tables are there.
    """

    def __init__(self, databases: Scratch, *, makes_tables: bool = True) -> None:
        self._accounts: dict[str, Account] = {}
        if isinstance(databases, SQLiteFiles):
            environment = {
                "PERSISTENCE_MODULE": "eventsourcing.sqlite",
                "SQLITE_DBNAME": f"{databases.path('rival')}.events",
            }
        else:
            server = conninfo_to_dict(databases.url("rival"))
            environment = {
                "PERSISTENCE_MODULE": "eventsourcing.postgres",
                "POSTGRES_DBNAME": str(server["dbname"]),
                "POSTGRES_HOST": str(server["host"]),
                "POSTGRES_PORT": str(server["port"]),
                "POSTGRES_USER": str(server.get("user") or "root"),
                "POSTGRES_PASSWORD": str(server.get("password") or ""),
            }
        self._app = Books(environment | {"CREATE_TABLE": "y" if makes_tables else "n"})

    def append(self, stream: str, version: int, size: int) -> None:
        account = self._accounts.get(stream)
        if account is None:
            account = self._accounts[stream] = Account(stream)
            self._app.save(account)
        for place in range(size):
            self._fill(account, version + place)
        self._app.save(account)

    def fill(self) -> None:
        for stream, count in streams():
            account = Account(stream)
            for version in range(1, count + 1):
                self._fill(account, version)
            self._app.save(account)

    def load(self) -> None:
        account: Account = self._app.repository.get(Account.create_id("loaded"))
        if account.version != LOADED + 1:
            raise RuntimeError(f"expected {LOADED + 1} events, found {account.version}")

    def replay(self) -> None:
        start, net = 1, Decimal(0)
        while True:
            page = self._app.notification_log.select(start=start, limit=PAGE)
            for notification in page:
                happened = self._app.mapper.to_domain_event(notification)
                amount = getattr(happened, "amount", None)
                if amount is not None:
                    net += amount if happened.side == "BUY" else -amount
            if len(page) < PAGE:
                return
            start = page[-1].id + 1

    def _fill(self, account: Account, number: int) -> None:
        account.fill(**msgspec.structs.asdict(filled(number)))
