from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0004_zone_of_the_account'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='delivery',
            name='notifications_delivery_state_known',
        ),
        migrations.AlterField(
            model_name='delivery',
            name='state',
            field=models.CharField(choices=[('pending', 'Pending'), ('sending', 'Being sent'), ('sent', 'Sent'), ('failed', 'Failed, will be tried again'), ('given_up', 'Given up'), ('digested', 'In a digest'), ('muted', 'Muted')], default='pending', max_length=16),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['pending', 'sending', 'sent', 'failed', 'given_up', 'digested', 'muted'])), name='notifications_delivery_state_known'),
        ),
    ]
