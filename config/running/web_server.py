"""The web server's settings, for gunicorn: `gunicorn -c python:config.running.web_server config.wsgi`.

One process with some threads serves a desk and its API; WEB_CONCURRENCY asks for more processes, and GUNICORN_CMD_ARGS
changes whatever else. It listens on this machine alone until `--bind` says otherwise.
"""

import os

from config import environment, logs

bind = "127.0.0.1:8000"
worker_class = "gthread"
threads = 8
graceful_timeout = 30
control_socket_disable = True  # Whoever starts it ends it; no file of its own lies about.

# What it says goes through the redactor too, as lines like the rest.
logconfig_dict = logs.configuration(level=environment.log_level(), environ=os.environ)
logconfig_dict["loggers"]["gunicorn.error"] = {"handlers": [], "level": "INFO", "propagate": True}
