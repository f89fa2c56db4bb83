"""Settings of an installation. Everything that differs between installations is read from the environment, here and nowhere else."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg.conninfo
from kombu import Exchange, Queue

from usersplit import queues
from usersplit.embedded.layout import Layout

BASE_DIR = Path(__file__).resolve().parent.parent


def _flag(name: str, default: bool = False) -> bool:
    return os.environ.get(name, str(default)).strip().lower() in {"1", "true", "yes", "on"}


def _kept_secret(path: Path) -> str:
    """The secret of this installation, made once and readable by its owner only.

    The first start has several processes ask at once: who waited for the lock finds what the other one wrote. A file
    that is empty was left by a process that was killed before it wrote.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and (kept := path.read_text()):
        return kept
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        kept = file.read()
        if not kept:
            kept = secrets.token_urlsafe(50)
            file.write(kept)
    return kept


VAR_DIR = Path(os.environ.get("VAR_DIR", BASE_DIR / "var")).resolve()
DEBUG = _flag("DEBUG")
SECRET_KEY = os.environ.get("SECRET_KEY") or _kept_secret(VAR_DIR / "secret_key")
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("CSRF_TRUSTED_ORIGINS", "").split(",") if origin]

# --- What this installation is connected to -----------------------------------------------------------------
# Unset, both are the embedded servers: a command beside a running product finds them by VAR_DIR alone.
DATABASE_URL = os.environ.get("DATABASE_URL") or Layout.of(VAR_DIR).database_url
BROKER_URL = os.environ.get("BROKER_URL") or Layout.of(VAR_DIR).broker_url
WAREHOUSE_URL = os.environ.get("WAREHOUSE_URL", f"duckdb://{VAR_DIR / 'warehouse'}")
# Seconds after which the warehouse gives up a count.
WAREHOUSE_TIME_LIMIT = float(os.environ.get("WAREHOUSE_TIME_LIMIT", "120"))
DELIVERY_DIR = Path(os.environ.get("DELIVERY_DIR", VAR_DIR / "delivery")).resolve()
# Where people and programs reach it; for links.
PUBLIC_URL = os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000")

# --- Rules of the house -------------------------------------------------------------------------------------
START_NEEDS_APPROVAL = _flag("START_NEEDS_APPROVAL")
# For so long what a test did to its users may linger: new draws spread its variants evenly over theirs.
CARRY_OVER_DAYS = int(os.environ.get("CARRY_OVER_DAYS", "30"))
# Older hits and events are refused. As long it is remembered which batches came, so that none counts twice.
HITS_MAX_AGE_DAYS = int(os.environ.get("HITS_MAX_AGE_DAYS", "366"))
# Older days of the store are dropped, at night.
HITS_KEEP_DAYS = int(os.environ.get("HITS_KEEP_DAYS", "400"))

_database = psycopg.conninfo.conninfo_to_dict(DATABASE_URL)
_pool_size = int(os.environ.get("DATABASE_POOL_SIZE", "0"))
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database.pop("dbname", "usersplit"),
        "USER": _database.pop("user", ""),
        "PASSWORD": _database.pop("password", ""),
        "HOST": _database.pop("host", ""),
        "PORT": _database.pop("port", ""),
        "OPTIONS": {**_database, **({"pool": {"min_size": 1, "max_size": _pool_size}} if _pool_size else {})},
    }
}


def _cache(url: str) -> dict[str, Any]:
    """Redis, the one of the broker unless told: counters of requests must be the same for all processes. Without one, each counts alone."""
    if url.startswith("redis+socket://"):
        socket = urlsplit(url)
        url = f"unix://{socket.path}?db={parse_qs(socket.query).get('virtual_host', ['0'])[0]}"
    if not url.startswith(("redis://", "rediss://", "unix://")):
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    # No request waits for it: who is not counted passes.
    patience = {"socket_connect_timeout": 0.25, "socket_timeout": 0.25}
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": "usersplit",
        "OPTIONS": patience,
    }


CACHES = {"default": _cache(os.environ.get("CACHE_URL") or BROKER_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "template_partials",
    "django_filters",
    "corsheaders",
    "pgtrigger",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "core",
    "accounts",
    "changelog",
    "audience",
    "experiments",
    "delivery",
    "analytics",
    "qa_tools",
    "notifications",
    "console",
    "usersplit",
]

MIDDLEWARE = [
    "core.request_ids.request_ids",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # Before the files: pictures and the API browser's pages are documents of this origin, too.
    "core.middleware.content_security_policy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.middleware.caching",
    "accounts.api.throttling.rate_limit_headers",
    "core.conditional.conditional_get",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.own_language_and_time",
    "accounts.middleware.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "core.console.RefusalPages",
]

ROOT_URLCONF = "usersplit.urls"
WSGI_APPLICATION = "usersplit.wsgi.application"
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
    }
]

# --- People -------------------------------------------------------------------------------------------------
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = LOGIN_URL
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
# The condition editor sends some fields for each condition; far too many of them are refused by name, not as a bad request.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
SECURE_REFERRER_POLICY = "same-origin"
_behind_tls = _flag("BEHIND_TLS")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _behind_tls
# How many of our own proxies a request passes: the caller's address is what the outermost of them saw.
PROXIES = int(os.environ.get("PROXIES", "1" if _behind_tls else "0"))
if _behind_tls:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# A running test without a hit from production for so long is told of.
NO_HITS_HOURS = int(os.environ.get("NO_HITS_HOURS", "24"))
# A finished test of which hits come so long after the finish is still in somebody's code.
HITS_AFTER_FINISH_DAYS = int(os.environ.get("HITS_AFTER_FINISH_DAYS", "3"))

# --- Notifications ------------------------------------------------------------------------------------------
# So long before a start, an end, or the expiry of a forced user people hear of it.
NOTIFY_HOURS_BEFORE = int(os.environ.get("NOTIFY_HOURS_BEFORE", "24"))
DEFAULT_FROM_EMAIL = os.environ.get("MAIL_FROM", "UserSplit <usersplit@localhost>")
EMAIL_HOST = os.environ.get("MAIL_HOST", "")
EMAIL_PORT = int(os.environ.get("MAIL_PORT", "25"))
EMAIL_HOST_USER = os.environ.get("MAIL_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("MAIL_PASSWORD", "")
EMAIL_USE_TLS = _flag("MAIL_STARTTLS")
EMAIL_USE_SSL = _flag("MAIL_TLS")
EMAIL_TIMEOUT = 20
# Without a mail server mails lie in a folder, where they can be looked at.
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'filebased'}.EmailBackend"
EMAIL_FILE_PATH = VAR_DIR / "mail"
# Secrets of connections are encrypted with the first of these texts, and read with any; SECRET_KEY is the last of them.
NOTIFICATIONS_KEYS = [
    one.strip() for one in os.environ.get("NOTIFICATIONS_KEYS", "").split(",") if one.strip()
]
# Networks that are not public and may be called all the same, such as that of a Jira of one's own: 10.1.2.0/24.
NOTIFICATIONS_ALLOW_PRIVATE = [
    one.strip() for one in os.environ.get("NOTIFICATIONS_ALLOW_PRIVATE", "").split(",") if one.strip()
]

# --- Language and time --------------------------------------------------------------------------------------
# What is stored, sent to others or answered to programs is English; pages are in the language of who looks at them.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ja", "日本語"), ("ko", "한국어")]
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "core.formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
USE_THOUSAND_SEPARATOR = True

# --- Static files -------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": os.environ.get("STATIC_STORAGE", "whitenoise.storage.CompressedManifestStaticFilesStorage")
    },
}

# --- Celery -------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A killed worker's task comes back after seconds: without the two unacked settings it waits for minutes.
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "visibility_timeout": 30,
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 2,
    }
    if "redis" in BROKER_URL
    else {}
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A new child on a busy machine may need longer than the 4 s after which Celery would kill it.
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 60.0
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_QUEUES = [Queue(name, Exchange(name), routing_key=name) for name in queues.QUEUES]
CELERY_TASK_ROUTES = queues.ROUTES
CELERY_BEAT_SCHEDULE = queues.SWEEPS | queues.BY_THE_CLOCK | queues.PULSES

# --- API ----------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.TokenAuthentication",
        "accounts.api.authentication.ConsoleSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.permissions.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api.throttling.CallerThrottle"],
    "DEFAULT_PARSER_CLASSES": ["core.bodies.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "core.problems.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_FILTER_BACKENDS": ["core.filters.KnownParametersOnly"],
    "DEFAULT_PAGINATION_CLASS": "core.pagination.KeysetPagination",
    "PAGE_SIZE": 50,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# Requests a minute that a token may make (a person, in the console's session): generous, they only stop what runs wild. `bulk` is
# what app servers and clients do with every page: reading test files, asking for variants, sending hits.
API_LIMITS = {
    "read": int(os.environ.get("API_READS_A_MINUTE", "6000")),
    "write": int(os.environ.get("API_WRITES_A_MINUTE", "1200")),
    "bulk": int(os.environ.get("API_BULK_A_MINUTE", "60000")),
}
# Refused tokens, and refused passwords, that one network address may send a minute.
REFUSED_TOKENS_A_MINUTE = int(os.environ.get("REFUSED_TOKENS_A_MINUTE", "600"))
REFUSED_PASSWORDS_A_MINUTE = int(os.environ.get("REFUSED_PASSWORDS_A_MINUTE", "60"))
# Other origins whose pages may ask for variants and send hits, never with cookies. "*": anybody's may ask, but not send.
CORS_ORIGINS = [origin for origin in os.environ.get("CORS_ORIGINS", "").split(",") if origin]
CORS_ALLOWED_ORIGINS = [origin for origin in CORS_ORIGINS if origin != "*"]
CORS_URLS_REGEX = r"^/(ofrep/|api/v1/(active-variants|hits|events)/)"
CORS_ALLOW_METHODS = ["GET", "POST", "OPTIONS"]
CORS_ALLOW_HEADERS = ["authorization", "content-encoding", "content-type", "if-none-match", "x-request-id"]
CORS_EXPOSE_HEADERS = ["ETag", "Retry-After", "X-Request-ID"]

SPECTACULAR_SETTINGS = {
    "TITLE": "UserSplit",
    "DESCRIPTION": "Split tests, their settings groups and their delivery to app servers.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "StatusEnum": "experiments.models.experiment.StatusChoices",
        "KindEnum": "experiments.models.Kind",
        "EnvironmentEnum": "experiments.models.Environment",
        "DrawEnum": "experiments.models.DrawObjective",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "accounts.api.schema.add_access",
        "core.schema.add_problems",
    ],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "core.request_ids.RequestIdFilter"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s]: %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request_id"]}
    },
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    # The sweeps run every few seconds: two lines for each would bury what somebody wants to read. And the library of
    # outgoing requests would write down whole addresses, which for a webhook are the secret.
    "loggers": {
        name: {"level": "WARNING"}
        for name in ("celery.app.trace", "celery.worker.strategy", "urllib3.connectionpool")
    },
}
