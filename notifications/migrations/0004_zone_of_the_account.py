from django.db import migrations


def to_accounts(apps, schema_editor):
    Habits = apps.get_model("notifications", "Habits")
    User = apps.get_model("accounts", "User")
    for habits in Habits.objects.exclude(time_zone="UTC").only("person_id", "time_zone"):
        User.objects.filter(pk=habits.person_id, time_zone="").update(time_zone=habits.time_zone)


def from_accounts(apps, schema_editor):
    Habits = apps.get_model("notifications", "Habits")
    for habits in Habits.objects.select_related("person"):
        if habits.person.time_zone:
            Habits.objects.filter(pk=habits.pk).update(time_zone=habits.person.time_zone)


class Migration(migrations.Migration):

    dependencies = [
        ("notifications", "0003_tries_of_rooms"),
        ("accounts", "0003_language_and_zone"),
    ]

    operations = [
        migrations.RunPython(to_accounts, from_accounts),
        migrations.RemoveField(model_name="habits", name="time_zone"),
    ]
