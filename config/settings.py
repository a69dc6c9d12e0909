"""
All settings, from the environment. A missing or dangerous one stops the start with a sentence that says what to do.
"""

from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp import constants as csp
from django.core.exceptions import ImproperlyConfigured
from environs import Env

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

env = Env()


def secret(name: str, default: str = "") -> str:
    """
    Return a secret from the file that ``<name>_FILE`` names, else from the environment.
    """
    if path := env.str(f"{name}_FILE", ""):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE={path} cannot be read: {error.strerror}") from error
    return env.str(name, default)


# --- what kind of site this is -----------------------------------------------------------------------------------------
# Demo mode opens doors without a password and loads invented accounts. It exists for newcomers and for tests.
DEMO = env.bool("DEMO", False)
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = secret("SECRET_KEY")
PUBLIC_ORIGIN = env.str("PUBLIC_ORIGIN", "http://localhost:8000")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", [urlsplit(PUBLIC_ORIGIN).hostname or "localhost"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", [PUBLIC_ORIGIN])
SECURE = PUBLIC_ORIGIN.startswith("https://")

if not SECRET_KEY or (not DEMO and (len(SECRET_KEY) < 50 or SECRET_KEY.startswith("insecure"))):
    raise ImproperlyConfigured(
        "SECRET_KEY must be set to at least 50 random characters, and not to a default: "
        "python -c 'import secrets; print(secrets.token_urlsafe(64))'"
    )
if not DEMO and not SECURE:
    raise ImproperlyConfigured("PUBLIC_ORIGIN must begin with https:// unless DEMO=1")
if not DEMO and DEBUG:
    raise ImproperlyConfigured("DEBUG=1 shows settings and rows to whoever meets an error: only together with DEMO=1")
if not DEMO and "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the hosts of this site unless DEMO=1")
if not DEMO and env.str("DEMO_PASSWORD", ""):
    raise ImproperlyConfigured("DEMO_PASSWORD is a password in plain text for invented accounts: only with DEMO=1")

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
    "tablets.straight.Straight",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "responders.middleware.People",
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
    "followups.subjects.SUBJECTS",
    "tablets.subjects.SUBJECTS",
    "responders.subjects.SUBJECTS",
]
ACTION_KINDS = [
    "responders.kinds.KINDS",
    "tablets.kinds.KINDS",
    "dispatch.kinds.KINDS",
    "dispatch.intake_kinds.KINDS",
    "dispatch.backup_kinds.KINDS",
    "dispatch.welfare_kinds.KINDS",
    "dispatch.on_view_kinds.KINDS",
    "dispatch.tandem_kinds.KINDS",
    "dispatch.message_kinds.KINDS",
    "dispatch.referral_kinds.KINDS",
    "followups.kinds.encounters.KINDS",
    "followups.kinds.clients.KINDS",
    "followups.kinds.consents.KINDS",
    "followups.kinds.plans.KINDS",
    "followups.kinds.intakes.KINDS",
    "followups.kinds.programmes.KINDS",
    "followups.kinds.care_referrals.KINDS",
]
# Who may look at what tablets attach: tablets keeps it and knows no calls.
ATTACHMENTS_SEEN_BY = "dispatch.attachment_queries.sees_attachment"
# What may be said on the live line beside a ping, by the frame's name: tablets carries it and knows no calls.
LIVE_FRAMES = {"backup": "dispatch.backup.frames.Frames"}
# What other apps bring to the tablet app: modules among the static files, each with its folder and a style of its own name
# (tablets/static/tablets/parts.js). The app takes them in without knowing them.
TABLET_PARTS: list[str] = [
    "followups/tablet/directory.js",
    "followups/tablet/person.js",
    "followups/tablet/report.js",
    "followups/tablet/visits.js",
]
# The words that the tablet app shows for codes in documents, by name.
TABLET_WORDS = {
    "reasons": "dispatch.reasons.REASON_WORDS",
    "canned": "dispatch.canned.OF_UNIT",
    "on_view": "dispatch.words.ON_VIEW",
    "needs": "followups.hsds.needs.NEED_WORDS",
    "holidays": "followups.holidays.HOLIDAYS",
}

# --- Postgres, Redis, Celery -------------------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {"default": env.dj_db_url("DATABASE_URL", engine="journal.postgis")}
DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}),
    "application_name": env.str("PROCESS_NAME", "care-field"),
    # For journal/prepared.py: what ran five times on a connection is planned for good, without looking at its arguments.
    "prepare_threshold": 5,
    "options": "-c plan_cache_mode=force_generic_plan -c jit=off",
}

# A thread keeps its connection: to take one from a pool and make it Django's own again cost a request as much as its SQL.
# Whether Postgres is still there at the other end is seen without asking it (journal/postgis).
DATABASES["default"]["CONN_MAX_AGE"] = None
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

REDIS_URL = env.str("REDIS_URL")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        # Redis may go away at any time. redis-py's own retries would stretch a 0.2 s limit to seconds.
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_connect_timeout": 0.2, "retry_on_timeout": False}]},
    },
}
CACHES = {
    "default": {
        # Shared by all processes: it remembers the codes that were used (responders/accounts.py).
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.2, "retry": None},
    }
}

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://") if REDIS_URL.startswith("unix://") else REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True

# --- people, passwords, sessions ---------------------------------------------------------------------------------------
# Who signs in and how is responders/sign_in.py and responders/accounts.py; what a session is, responders/sessions.py.
AUTH_USER_MODEL = "responders.Person"
AUTHENTICATION_BACKENDS = ["responders.accounts.SignIn"]
# Argon2 is no FIPS primitive: with FIPS=1 there is only PBKDF2, and a password hashed otherwise must be set anew.
FIPS = env.bool("FIPS", False)
PASSWORD_HASHERS = ["responders.hashers.CappedPBKDF2"]
if not FIPS:
    PASSWORD_HASHERS.insert(0, "responders.hashers.CappedArgon2")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "responders.passwords.LengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "responders.passwords.GuessableValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"

ACCOUNT_ADAPTER = "responders.accounts.AccountAdapter"
ACCOUNT_FORMS = {"login": "responders.accounts.PasswordForm", "change_password": "responders.accounts.NewPasswordForm"}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
# Failures are counted in Postgres (responders/sign_in.py), addresses in Redis (responders/rate_limits.py).
ACCOUNT_RATE_LIMITS = False

MFA_ADAPTER = "responders.accounts.MFAAdapter"
MFA_FORMS = {"authenticate": "responders.accounts.CodeForm", "reauthenticate": "responders.accounts.CodeAgainForm"}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEMO and not SECURE
MFA_TOTP_ISSUER = "CARE Field"
# A code is good for its own 30 seconds only: allauth remembers a used code for 30 seconds, not for the 90 that a
# tolerance of one step on either side would make it valid.
MFA_TOTP_TOLERANCE = 0
MFA_RATE_LIMITS = False
# What seals the secrets of second factors: 32 random bytes in base64; several, separated by commas, while keys change
# (the first seals, all open).
MFA_KEYS = [b64decode(key) for key in secret("MFA_KEYS").split(",") if key]
if not MFA_KEYS and DEMO:
    MFA_KEYS = [sha256(b"mfa" + SECRET_KEY.encode()).digest()]
if not MFA_KEYS or any(len(key) != 32 for key in MFA_KEYS):
    raise ImproperlyConfigured(
        "MFA_KEYS must be set to 32 random bytes in base64: "
        "python -c 'import base64, secrets; print(base64.b64encode(secrets.token_bytes(32)).decode())'"
    )


# --- what tablets keep, and what they seal -------------------------------------------------------------------------------
def keys_of_32_bytes(name: str) -> list[bytes]:
    """
    Return keys from a secret in base64, separated by commas while keys change: the first is in use, all open. A demo
    without any derives its own.
    """
    keys = [b64decode(key) for key in secret(name).split(",") if key]
    if not keys and DEMO:
        keys = [sha256(name.encode() + SECRET_KEY.encode()).digest()]
    if not keys or any(len(key) != 32 for key in keys):
        raise ImproperlyConfigured(
            f"{name} must be set to 32 random bytes in base64: "
            "python -c 'import base64, secrets; print(base64.b64encode(secrets.token_bytes(32)).decode())'"
        )
    return keys


# From the first comes the key under which a tablet keeps its documents: another one makes every tablet begin again.
TABLET_KEYS = keys_of_32_bytes("TABLET_KEYS")
# The private keys to which tablets seal the arguments of their actions. An old one stays until nothing is sealed to it.
SEAL_KEYS = keys_of_32_bytes("SEAL_KEYS")


# --- what is sealed in the database (docs/adr/0017-sealing.md) --------------------------------------------------------------
def keys_by_id(name: str) -> dict[str, bytes]:
    """
    Return keys by their ids from a secret like ``2026:base64,2025:base64``: the first seals, all open. A demo without any
    derives its own, whose id no other site takes.
    """
    keys: dict[str, bytes] = {}
    for one in secret(name).split(","):
        kid, _, key = one.strip().partition(":")
        if not one.strip():
            continue
        if kid in keys or not (kid.isascii() and kid.isalnum() and len(kid) <= 16) or (kid == "demo" and not DEMO):
            raise ImproperlyConfigured(
                f"{name}: each key needs an id of its own, at most 16 letters and digits, not demo"
            )
        keys[kid] = b64decode(key)
    if not keys and DEMO:
        keys = {"demo": sha256(name.encode() + SECRET_KEY.encode()).digest()}
    if not keys or any(len(key) != 32 for key in keys.values()):
        raise ImproperlyConfigured(
            f"{name} must be set to an id and 32 random bytes in base64, as 2026:…; make the bytes with "
            "python -c 'import base64, secrets; print(base64.b64encode(secrets.token_bytes(32)).decode())'"
        )
    return keys


# An old key stays until `manage.py rotate_field_keys --check` finds nothing under it. Lost keys are lost records.
FIELD_KEYS = keys_by_id("FIELD_KEYS")
# By which sealed values are found again. It is not rotated: every index would have to be made anew.
BLIND_INDEX_KEY = keys_of_32_bytes("BLIND_INDEX_KEY")[0]

# --- exchanges ----------------------------------------------------------------------------------------------------------------
# How many exchanges that only ask are answered at once by one web process; actions always find a thread.
SYNC_PULLS = env.int("SYNC_PULLS", 5)
# At what pace one web process asks those back whom it had to send away: a quarter of what it could do were there nothing
# else (docs/benchmarks.md), so that a storm of reconnects leaves room for what crews do meanwhile.
SYNC_PULLS_PER_S = env.float("SYNC_PULLS_PER_S", 60)

# --- requests for backup ---------------------------------------------------------------------------------------------------
# How many connections of its own the path has in each process (dispatch/backup/database.py).
BACKUP_POOL = env.int("BACKUP_POOL", 6)
# How often the path tests itself, in seconds; 0 never does.
BACKUP_SELF_TEST = env.int("BACKUP_SELF_TEST", 300)
# The key pair by which browsers' push services know us (RFC 8292): the private one, 32 bytes in base64, and whom they may
# write to. Without it nothing is pushed to browsers.
VAPID_PRIVATE_KEY = secret("VAPID_PRIVATE_KEY")
VAPID_CONTACT = env.str("VAPID_CONTACT", PUBLIC_ORIGIN)
# The hosts of push services that browsers may name; one that begins with a dot stands for what is below it.
PUSH_SERVICES: list[str] = env.list(
    "PUSH_SERVICES",
    ["fcm.googleapis.com", "updates.push.services.mozilla.com", ".push.apple.com", ".notify.windows.com"],
)

# --- cookies and headers -------------------------------------------------------------------------------------------------
# __Host- and Secure on every site but a demo over plain http, where not every browser and no other client takes them.
_COOKIE_PREFIX = "__Host-" if SECURE else ""
SESSION_ENGINE = "responders.sessions"
SESSION_COOKIE_NAME = f"{_COOKIE_PREFIX}session"
CSRF_COOKIE_NAME = f"{_COOKIE_PREFIX}csrf"
TABLET_COOKIE_NAME = f"{_COOKIE_PREFIX}tablet"
BACKUP_COOKIE_NAME = f"{_COOKIE_PREFIX}backup"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 12 * 60 * 60
CSRF_COOKIE_AGE = None
CSRF_FAILURE_VIEW = "responders.pages.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if SECURE:
    # nginx says who spoke https to it; see deploy/nginx.conf.template.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^health/$"]
    SECURE_HSTS_SECONDS = 2 * 365 * 24 * 60 * 60
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True

# Debian 12's GDAL cannot be told to leave network and files alone; no spatial reference or geometry file of a stranger
# reaches it: geometries come as GeoJSON through our own checks.
SILENCED_SYSTEM_CHECKS = ["gis.W001"]

# Where map tiles may come from, as origins: none unless the agency names a server that it trusts with where it looks.
TILE_ORIGINS: list[str] = env.list("TILE_ORIGINS", [])
# Leaflet's address of a tile, with {z}, {x} and {y}; without one the tablet's map has its own plain ground.
TILES_URL = env.str("TILES_URL", "")
TILES_ATTRIBUTION = env.str("TILES_ATTRIBUTION", "")
# What the tablet's map shows without tiles and without a network: GeoJSON files of outlines (tablets/ground.py). The demo
# draws Seattle's land and the edges of SPD's beats, which follow streets (City of Seattle open data, CC0), if they are at
# hand.
_GEO = env.path("DATA_DIR", BASE_DIR.parent / "shared" / "data") / "geo"
_AT_HAND = DEMO and (_GEO / "city-limits.geojson").is_file() and (_GEO / "spd-beats.geojson").is_file()
GROUND_LAND = env.str("GROUND_LAND", str(_GEO / "city-limits.geojson") if _AT_HAND else "")
GROUND_LINES: list[str] = env.list("GROUND_LINES", [str(_GEO / "spd-beats.geojson")] if _AT_HAND else [])
_ORIGINS = [PUBLIC_ORIGIN, *CSRF_TRUSTED_ORIGINS]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [csp.NONE],
        "script-src": [csp.SELF, csp.NONCE],
        "style-src": [csp.SELF, csp.NONCE],
        "img-src": [csp.SELF, "data:", "blob:", *TILE_ORIGINS],
        "font-src": [csp.SELF],
        "media-src": [csp.SELF, "data:"],
        "connect-src": [csp.SELF, *sorted({origin.replace("http", "ws", 1) for origin in _ORIGINS})],
        "worker-src": [csp.SELF],
        "manifest-src": [csp.SELF],
        "form-action": [csp.SELF],
        "frame-ancestors": [csp.NONE],
        "base-uri": [csp.NONE],
        "object-src": [csp.NONE],
    }
}

# --- limits --------------------------------------------------------------------------------------------------------------
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
RATE_LIMIT_PREFIX = "care"
# Addresses and networks of load balancers whose X-Forwarded-For is believed. Our own nginx comes over a Unix socket.
TRUSTED_PROXIES: list[str] = env.list("TRUSTED_PROXIES", [])

# --- API -----------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tablets.authentication.TabletAuthentication",
        "responders.authentication.PersonAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["responders.permissions.MayUseRoute"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["responders.parsers.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "responders.negotiation.NothingToChoose",
    "DEFAULT_THROTTLE_CLASSES": ["responders.rate_limits.Rate"],
    "EXCEPTION_HANDLER": "config.errors.answer_exception",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CARE Field",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    # What is asked under more than one name, and would be named after whichever comes first.
    "ENUM_NAME_OVERRIDES": {
        "SaidEnum": "dispatch.referral_serializers.ANSWERS",
        "PartnerEnum": "dispatch.models.Partner",
        "ReferralKindEnum": "dispatch.models.ReferralKind",
        "WayKindEnum": "followups.models.WayKind",
        "StrategyKindEnum": "followups.models.StrategyKind",
        "SectionEnum": "followups.rules.disclosure.Section",
    },
}

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

# Public open data beside the checkout: Seattle's areas and past calls. What is not there is replaced by what ships.
DATA_DIR = env.path("DATA_DIR", BASE_DIR.parent / "shared" / "data")
