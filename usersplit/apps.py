from django.apps import AppConfig


class UsersplitConfig(AppConfig):
    name = "usersplit"

    def ready(self) -> None:
        # Shared tasks bind to the first application made: without this a web process would enqueue nowhere.
        from usersplit import celery  # noqa: F401, PLC0415
