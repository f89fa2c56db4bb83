from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        from core import cors  # noqa: F401, PLC0415 - connects its receiver
