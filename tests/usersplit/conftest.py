"""What tests of the whole product share."""

from tests.pseudo_language import pseudo_catalogue, pseudo_language

__all__ = ["pseudo_catalogue", "pseudo_language"]
