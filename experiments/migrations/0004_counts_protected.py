import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    """The columns are full: nothing may change them any more. What they were made from goes."""

    dependencies = [
        ('experiments', '0003_counts_packed'),
    ]

    operations = [
        migrations.AlterField(
            model_name='audiencecount',
            name='shared',
            field=models.BinaryField(help_text='See experiments.compact_counts.'),
        ),
        migrations.AlterField(
            model_name='draw',
            name='count',
            field=models.OneToOneField(help_text='What it was drawn with.', on_delete=django.db.models.deletion.PROTECT, related_name='draw', to='experiments.audiencecount'),
        ),
        migrations.DeleteModel(
            name='SharedCount',
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='draw',
            trigger=pgtrigger.compiler.Trigger(name='immutable', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='6db30f666fcb9d533a70549e5a2bcd49276344cf', operation='UPDATE OR DELETE', pgid='pgtrigger_immutable_2ba9f', table='experiments_draw', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='audiencecount',
            trigger=pgtrigger.compiler.Trigger(name='immutable', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='c892a46deb1d5d379b7fc5e8f0923058a518a157', operation='UPDATE', pgid='pgtrigger_immutable_094a3', table='experiments_audiencecount', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='audiencecount',
            trigger=pgtrigger.compiler.Trigger(name='kept_while_needed', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n    IF EXISTS (SELECT 1 FROM experiments_draw WHERE count_id = OLD.id) OR NOT EXISTS (\n        SELECT 1 FROM experiments_audiencecount WHERE settings_group_id = OLD.settings_group_id AND id > OLD.id\n        OFFSET 4\n    ) THEN\n        RAISE EXCEPTION 'the count that something was drawn with and the newest ones are kept';\n    END IF;\n    RETURN OLD;\n", hash='7cb126a8b80b42908bf11db0ad39131aae9744e0', operation='DELETE', pgid='pgtrigger_kept_while_needed_b71c4', table='experiments_audiencecount', when='BEFORE')),
        ),
    ]
