"""The web server's way in: gunicorn config.wsgi."""

import os

from django.core.wsgi import get_wsgi_application

from config import environment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

environment.secret_key()  # Pages are signed with it, so nothing is served without one.
application = get_wsgi_application()
