"""The filters of the contract, so that a new installation can write conditions at once."""

from django.db import migrations

from audience.default_filters import install_default_filters


def install(apps, schema_editor):
    install_default_filters(apps.get_model("audience", "Filter"))


class Migration(migrations.Migration):
    dependencies = [("audience", "0001_initial")]

    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
