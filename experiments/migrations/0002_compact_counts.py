import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.migrations
from django.db import migrations, models

import core.clock


class Migration(migrations.Migration):
    """New columns, still without content. Triggers that would refuse to fill them are off until 0004."""

    dependencies = [
        ('experiments', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='RecountRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('requested_at', models.DateTimeField(default=core.clock.now)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('retry_at', models.DateTimeField(help_text='Not before this moment, after a failed attempt.', null=True)),
                ('given_up', models.BooleanField(default=False)),
                ('error', models.TextField(blank=True)),
                ('settings_group', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='recount_request', to='experiments.settingsgroup')),
            ],
        ),
        migrations.AlterField(
            model_name='sharedcount',
            name='count',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='shared_rows', to='experiments.audiencecount'),
        ),
        pgtrigger.migrations.RemoveTrigger(model_name='audiencecount', name='immutable'),
        pgtrigger.migrations.RemoveTrigger(model_name='draw', name='immutable'),
        migrations.AddField(
            model_name='audiencecount',
            name='others',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, help_text='The settings groups it was counted with, row by row.', size=None),
        ),
        migrations.AddField(
            model_name='audiencecount',
            name='others_not_counted',
            field=models.JSONField(default=dict, help_text='Filters of the others that were taken as met: settings group → names.'),
        ),
        migrations.AddField(
            model_name='audiencecount',
            name='finished_others',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, help_text='Those of the others that had ended shortly before.', size=None),
        ),
        migrations.AddField(
            model_name='audiencecount',
            name='shared',
            field=models.BinaryField(help_text='See experiments.compact_counts.', null=True),
        ),
        migrations.AddField(
            model_name='draw',
            name='count',
            field=models.OneToOneField(help_text='What it was drawn with.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='draw', to='experiments.audiencecount'),
        ),
        migrations.AddField(
            model_name='draw',
            name='previous',
            field=models.ForeignKey(help_text='The settings whose variants kept what they could.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='experiments.settingsgroup'),
        ),
        migrations.AlterField(
            model_name='draw',
            name='log',
            field=models.JSONField(help_text='Why which split groups were drawn; with the seed and the count enough to repeat the draw.'),
        ),
        migrations.AddField(
            model_name='settingsgroup',
            name='allow_control_to_treatment',
            field=models.BooleanField(default=False, help_text='Whether a split group of the control may be drawn for another variant.'),
        ),
        migrations.AddField(
            model_name='settingsgroup',
            name='draw_seed',
            field=models.BigIntegerField(help_text='Asked for, so that the draw is the one that was shown before; else one is made up.', null=True),
        ),
        migrations.AddConstraint(
            model_name='settingsgroup',
            constraint=models.CheckConstraint(condition=models.Q(('draw_seed__isnull', True), ('draw_seed__gte', 0), _connector='OR'), name='experiments_settingsgroup_seed_from_0'),
        ),
    ]
