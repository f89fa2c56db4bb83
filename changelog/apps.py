from django.apps import AppConfig


class ChangelogConfig(AppConfig):
    name = "changelog"

    def ready(self) -> None:
        from accounts.signals import token_changed  # noqa: PLC0415 - models are ready only now
        from changelog.receivers import record_token_change  # noqa: PLC0415

        token_changed.connect(record_token_change, dispatch_uid="changelog.record_token_change")
