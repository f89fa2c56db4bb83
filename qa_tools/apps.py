from django.apps import AppConfig


class QaToolsConfig(AppConfig):
    name = "qa_tools"
