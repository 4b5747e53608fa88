"""Settings of the project. What differs between installations comes from the environment: see config/environment.py."""

import os
from datetime import timedelta
from pathlib import Path

from config import api_environment, environment, logs, policy, web_environment
from config.admin_site import UNFOLD as UNFOLD

BASE_DIR = Path(__file__).resolve().parent.parent

# Empty until something needs it, so that --help, migrate and check ask for nothing: see environment.secret_key.
SECRET_KEY = os.environ.get("SECRET_KEY", "").strip()
DEBUG = environment.debug()
ALLOWED_HOSTS = environment.allowed_hosts()

INSTALLED_APPS = [
    "config",  # First: its runserver and qcluster come before those that it wraps.
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_q",
    "eventstore",
    "trading",
    "audit_trail",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.policy.PolicyMiddleware",
    "config.nonsense.refuse_nul",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "config.signing.door.Door",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",  # Last: it answers for a login that is locked.
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# No ATOMIC_REQUESTS: a station's commit is durable, and says so itself.
DATABASES = {"default": environment.database(BASE_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Where seals of the log are exported to, and where events that were taken out of it lie.
SEAL_FOLDER = environment.folder(environment.SEAL_FOLDER)
ARCHIVE_FOLDER = environment.folder(environment.ARCHIVE_FOLDER)

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # First: it refuses a login that is locked before a password is looked at.
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
# A name from an address: so nobody can lock an operator out from elsewhere, and nobody guesses on from one place.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # Whoever tries on waits no longer than was said.
AXES_CLIENT_IP_CALLABLE = "config.logins.client_address"
AXES_LOCKOUT_CALLABLE = "config.logins.locked_out"
AXES_ENABLE_ADMIN = False  # The pages of our own can't be changed: see config.admin.
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code"]  # Codes that were tried in vain are kept nowhere.

REQUIRE_TOTP = web_environment.require_totp()
OTP_TOTP_ISSUER = "Hedgetrail"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Over TLS alone, where other machines are served. A proxy in between tells by a header what it was asked over.
HTTPS, PROXIES = web_environment.https(ALLOWED_HOSTS), web_environment.proxies()
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]  # They are asked for from this machine, past the proxy.
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False  # What else is under the name is not ours to say.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # The two that are off above.
CONTENT_SECURITY_POLICY = policy.PAGES

# A working day, and an hour in which nothing asked: see config.signing.sessions. Closing the browser ends it before.
SESSION_COOKIE_AGE = 8 * 3600
SESSION_IDLE_SECONDS = 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True

LANGUAGE_CODE = "en-us"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Served from where they lie, so that a fresh clone needs no collectstatic.
WHITENOISE_USE_FINDERS = True

LOGGING = logs.configuration(level=environment.log_level(), environ=os.environ)

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    # Tokens first: whoever has neither is told of them (401).
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "eventstore.access.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["eventstore.access.throttling.RequestsPerMinute"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "eventstore.rest.problems.problem_of",
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
}
API_REQUESTS_PER_MINUTE = api_environment.api_requests_per_minute()

SPECTACULAR_SETTINGS = {
    "TITLE": "Hedgetrail",
    "VERSION": "1",
    "DESCRIPTION": (
        "What was traded, decided and received, to be read by programs. Numbers are texts, to the last digit; times "
        "are UTC; errors are problems (RFC 9457). See docs/api.md."
    ),
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {"DecisionStatusEnum": "audit_trail.decisions.models.Status"},
}

# So long a task of a schedule may run at the longest.
TASK_SECONDS = 300

Q_CLUSTER = {
    "name": "hedgetrail",
    "orm": "default",
    "workers": 2,
    "timeout": TASK_SECONDS,
    "retry": TASK_SECONDS + 60,  # Longer than the timeout, else a running task is handed out again.
    "max_attempts": 1,
    "catch_up": False,  # After an outage a schedule runs once, not once for each time missed.
    "save_limit": 1000,
}
