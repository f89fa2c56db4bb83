from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "delivery"

    def ready(self) -> None:
        from delivery.receivers import enqueue_delivery  # noqa: PLC0415 - models are ready only now
        from experiments.signals import delivered_content_changed  # noqa: PLC0415

        delivered_content_changed.connect(enqueue_delivery, dispatch_uid="delivery.enqueue_delivery")
