import numpy as np
from django.db import migrations
from django.db.models import Min

from experiments.compact_counts import pack_counts


def pack(apps, schema_editor):
    """The rows of pairs become one table for each count, and each draw points to the count of its own transaction, the first."""
    AudienceCount = apps.get_model('experiments', 'AudienceCount')
    Draw = apps.get_model('experiments', 'Draw')
    for count in AudienceCount.objects.filter(shared=None).only('pk').iterator(chunk_size=100):
        pairs = list(count.shared_rows.order_by('other_id').values_list('other_id', 'users', 'not_counted'))
        AudienceCount.objects.filter(pk=count.pk).update(
            others=[other for other, _, _ in pairs],
            others_not_counted={str(other): names for other, _, names in pairs if names},
            shared=pack_counts(np.array([users for _, users, _ in pairs], dtype=np.int64).reshape(len(pairs), 2400)),
        )
    for draw in Draw.objects.filter(count=None).only('pk', 'settings_group_id').iterator(chunk_size=100):
        first = AudienceCount.objects.filter(settings_group_id=draw.settings_group_id).aggregate(first=Min('pk'))
        Draw.objects.filter(pk=draw.pk).update(count_id=first['first'])


class Migration(migrations.Migration):

    dependencies = [
        ('experiments', '0002_compact_counts'),
    ]

    operations = [
        migrations.RunPython(pack),
    ]
