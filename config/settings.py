"""
All settings, from the environment. A missing or dangerous one stops the start with a sentence that says what to do.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import Env

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

env = Env()

# --- what kind of site this is -----------------------------------------------------------------------------------------
# Demo mode opens doors without a password and loads invented accounts. It exists for newcomers and for tests.
DEMO = env.bool("DEMO", False)
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "")
PUBLIC_ORIGIN = env.str("PUBLIC_ORIGIN", "http://localhost:8000")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", [urlsplit(PUBLIC_ORIGIN).hostname or "localhost"])
CSRF_TRUSTED_ORIGINS = [PUBLIC_ORIGIN]
SECURE = PUBLIC_ORIGIN.startswith("https://")

if not SECRET_KEY or (not DEMO and (len(SECRET_KEY) < 50 or SECRET_KEY.startswith("insecure"))):
    raise ImproperlyConfigured(
        "SECRET_KEY must be set to at least 50 random characters, and not to a default: "
        "python -c 'import secrets; print(secrets.token_urlsafe(64))'"
    )
if not DEMO and not SECURE:
    raise ImproperlyConfigured("PUBLIC_ORIGIN must begin with https:// unless DEMO=1")

INSTALLED_APPS = [
    "config.admin.CareAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.gis",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "journal",
    "responders",
    "tablets",
    "dispatch",
    "followups",
    "dashboard",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
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

# --- the house: what the apps declare ----------------------------------------------------------------------------------
# In lock order: a transaction that flushes several kinds of subject locks them in this order (docs/locking.md).
JOURNAL_SUBJECTS = [
    "dispatch.subjects.SUBJECTS",
    "tablets.subjects.SUBJECTS",
    "responders.subjects.SUBJECTS",
]
ACTION_KINDS = [
    "responders.kinds.KINDS",
    "tablets.kinds.KINDS",
    "dispatch.kinds.KINDS",
]

# --- Postgres, Redis, Celery -------------------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.dj_db_url("DATABASE_URL", engine="django.contrib.gis.db.backends.postgis")
}
DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}),
    "pool": {"min_size": 1, "max_size": env.int("DATABASE_POOL", 8), "timeout": 5},
    "application_name": env.str("PROCESS_NAME", "care-field"),
}

REDIS_URL = env.str("REDIS_URL")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        # Redis may go away at any time. redis-py's own retries would stretch a 0.2 s limit to seconds.
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_connect_timeout": 0.2, "retry_on_timeout": False}]},
    },
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://") if REDIS_URL.startswith("unix://") else REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True

# --- people, passwords, sessions ---------------------------------------------------------------------------------------
AUTH_USER_MODEL = "responders.Person"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
LOGIN_REDIRECT_URL = "/"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"
CSRF_COOKIE_NAME = "__Host-csrf"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"

# --- API -----------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tablets.authentication.TabletAuthentication",
        "responders.authentication.PersonAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["responders.permissions.MayUseRoute"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "config.errors.answer_exception",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {"TITLE": "CARE Field", "VERSION": VERSION, "SERVE_INCLUDE_SCHEMA": False}

# --- language, time, files -----------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = env.path("STATIC_ROOT", BASE_DIR / ".local" / "static")
STATICFILES_DIRS = [
    ("uswds", BASE_DIR / "node_modules" / "@uswds" / "uswds" / "dist"),
    ("leaflet", BASE_DIR / "node_modules" / "leaflet" / "dist"),
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
