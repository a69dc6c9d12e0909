"""
WCAG 2.2 A and AA as axe-core sees them, on a page as it stands.
"""

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from deploy.local.places import ROOT

_AXE: Final = Path(ROOT) / "node_modules/axe-core/axe.min.js"
TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What moves is between two colors. Reduced motion has hardly any; what never ends is not waited for.
_STILL: Final = """
() => Promise.race([
    Promise.allSettled(document.getAnimations().filter(one => one.effect.getComputedTiming().endTime < 1e6).map(one => one.finished)),
    new Promise(done => setTimeout(done, 1000)),
])
"""
_RUN: Final = """
tags => axe.run(document, { runOnly: tags, resultTypes: ["violations"] }).then(found => found.violations.flatMap(rule =>
    rule.nodes.map(node => `${rule.id}: ${node.target.join(" ")} | ${node.html.slice(0, 160)} | ${node.any.concat(node.all, node.none).map(one => one.message).join("; ").slice(0, 200)}`)))
"""


def violations(page: Page) -> list[str]:
    """
    Return what is wrong on a page, one line for each place.
    """
    page.evaluate(_STILL)
    if not page.evaluate("typeof window.axe !== 'undefined'"):
        page.evaluate(_AXE.read_text())
    found: Any = page.evaluate(_RUN, TAGS)
    return [str(line) for line in found]
