from django.apps import AppConfig


class ChangelogConfig(AppConfig):
    name = "changelog"

    def ready(self) -> None:
        from accounts.signals import person_changed, token_changed  # noqa: PLC0415 - models are ready only now
        from changelog.receivers import record_person_change, record_token_change  # noqa: PLC0415

        token_changed.connect(record_token_change, dispatch_uid="changelog.record_token_change")
        person_changed.connect(record_person_change, dispatch_uid="changelog.record_person_change")
