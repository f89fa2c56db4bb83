from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0002_sample_ratio_watch"),
    ]

    operations = [
        migrations.AddField(
            model_name="batch",
            name="refused",
            field=models.PositiveIntegerField(
                default=0, help_text="Not taken, for what was wrong with them."
            ),
        ),
        # Bodies come deflated: packing them once more costs time and saves nothing. Rows live for seconds, so that what
        # vacuuming waits for by default (a fifth of the table) would be far more than the table ever holds.
        migrations.RunSQL(
            """
            ALTER TABLE analytics_waitingbatch ALTER COLUMN body SET STORAGE EXTERNAL;
            ALTER TABLE analytics_waitingbatch SET (
                autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
                toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 20000
            );
            """,
            """
            ALTER TABLE analytics_waitingbatch ALTER COLUMN body SET STORAGE EXTENDED;
            ALTER TABLE analytics_waitingbatch RESET (
                autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
                toast.autovacuum_vacuum_scale_factor, toast.autovacuum_vacuum_threshold
            );
            """,
        ),
    ]
