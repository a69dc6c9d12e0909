"""
What makes an app of pages: the manifest that a home screen reads, and the service worker's headers.
"""

from dataclasses import dataclass

from django.http import HttpResponse, JsonResponse

from tablets.precache import address


@dataclass(frozen=True, slots=True)
class InstallableApp:
    """
    One app. Everything that its pages and its worker are responsible for lies below ``scope``; ``color`` is behind it
    while it opens.
    """

    scope: str
    name: str
    short_name: str
    description: str
    color: str

    def manifest(self) -> HttpResponse:
        """
        Return the web app manifest (W3C).
        """
        icons = [_icon(f"tablets/icon-{size}.png", size, "any") for size in (192, 512)]
        body = {
            "id": self.scope,
            "name": self.name,
            "short_name": self.short_name,
            "description": self.description,
            "lang": "en",
            "start_url": self.scope,
            "scope": self.scope,
            "display": "standalone",
            "orientation": "any",
            "background_color": self.color,
            "theme_color": self.color,
            "icons": [*icons, _icon("tablets/icon-maskable-512.png", 512, "maskable")],
        }
        response = JsonResponse(body, content_type="application/manifest+json")
        response["Cache-Control"] = "no-cache"
        return response

    def worker(self, source: str) -> HttpResponse:
        """
        Return the service worker, which is asked for anew each time: every new release is another one.
        """
        response = HttpResponse(source, content_type="text/javascript; charset=utf-8")
        response["Service-Worker-Allowed"] = self.scope
        response["Cache-Control"] = "no-cache"
        return response


def _icon(name: str, size: int, purpose: str) -> dict[str, str]:
    return {"src": address(name), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
