"""
The floor of an exchange: a Django without middleware, apps or models, whose one view looks a token up and sends rows.

``granian bench.bare:application``; it answers ``{"stream": …, "number": …}`` with what is above that number.
"""

import json
import os
from hashlib import sha256
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

_URL = urlsplit(os.environ["DATABASE_URL"])

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="bench",  # noqa: S106  signs nothing
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _URL.path.lstrip("/"),
            "USER": unquote(_URL.username or ""),
            "PASSWORD": unquote(_URL.password or ""),
            "HOST": unquote(_URL.netloc.rpartition("@")[2].partition(":")[0]),
            "PORT": str(_URL.port or ""),
            "OPTIONS": {"application_name": "bench-bare"},
            "CONN_MAX_AGE": None,
        }
    },
)


def rows(request: HttpRequest) -> HttpResponse:
    """
    Answer with the documents of one stream above a number.
    """
    asked = json.loads(request.body)
    token = sha256(request.headers["Authorization"].removeprefix("Tablet ").encode()).digest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM tablets_tablet WHERE token_hash = %s AND revoked_at IS NULL", [token])
        if cursor.fetchone() is None:
            return HttpResponse(status=401)
        cursor.execute(
            "SELECT number, collection, document_id, body FROM journal_document"
            " WHERE stream = %s AND number > %s ORDER BY number",
            [asked["stream"], asked["number"]],
        )
        found = cursor.fetchall()
    documents = ",".join(
        f'{{"c":"{collection}","id":"{key}","n":{n},"b":{body}}}' for n, collection, key, body in found
    )
    content = f'{{"documents":[{documents}]}}'.encode()
    return HttpResponse(content, content_type="application/json", headers={"Content-Length": len(content)})


urlpatterns = [path("rows", rows)]
application = get_wsgi_application()
