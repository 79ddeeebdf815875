"""Pages: one HTML file that needs nothing else, in light and dark, wide and narrow.

Templates extend ``base.html.j2``, which holds the style; ``curves.html.j2`` has what
several show. Every text is escaped.
"""

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined

from cortado.report.palette import DARK, LIGHT

__all__ = ["render_page"]


def render_page(template: str, content: Mapping[str, object]) -> bytes:
    """Return a page made of a template in ``report/templates``.

    Parameters
    ----------
    template : str
        Its name, without ``.html.j2``.
    content : mapping
        What it shows; a name that it lacks is an error.
    """
    environment = Environment(
        loader=PackageLoader("cortado.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found = environment.get_template(f"{template}.html.j2")
    return found.render(content, light=LIGHT, dark=DARK).encode()
