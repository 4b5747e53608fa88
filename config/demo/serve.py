"""The pages on localhost: Django's own server in a thread, and a user with a password made for this run."""

import secrets
import threading

from django.contrib.auth import get_user_model
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

HOST = "127.0.0.1"
USER = "demo"
PORTS_TRIED = 50


class PageServer:
    """Serves the desk and the admin until it is closed."""

    def __init__(self, port: int) -> None:
        """Listen on the port or, where it is taken, on the next that is free. Raises OSError where none is."""
        self._http = _listening(port)
        # Not get_wsgi_application: it would set the logs up anew.
        self._http.set_app(WSGIHandler())
        self.desk = f"http://{HOST}:{self._http.server_address[1]}/"
        self.admin = f"{self.desk}admin/"
        # The loop looks for the end this often; a request doesn't wait for it.
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="demo-pages", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def create_user() -> str:
    """Make the superuser `demo`, and return the password, which is stored nowhere else."""
    password = secrets.token_urlsafe(9)
    get_user_model()._default_manager.create_superuser(USER, password=password)
    return password


class _Server(ThreadedWSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the base class)
        """Stay silent: which page was looked at is no news."""


def _listening(port: int) -> ThreadedWSGIServer:
    for candidate in range(port, min(port + PORTS_TRIED, 65536)):
        try:
            return _Server((HOST, candidate), _QuietHandler)
        except OSError as error:
            taken = error
    raise OSError(f"no port from {port} on can be listened on: {taken}")
