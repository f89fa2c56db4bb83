"""The only place where tests and user groups are made and changed.

Every service takes the acting person or machine first, checks their rights, and writes its changelog entry in the
same transaction. Errors are those of `core.errors`; after one nothing has changed.
"""

from experiments.services.approvals import approve_start, request_approval
from experiments.services.forcing import (
    Forcing,
    force_user,
    force_users,
    switch_tests_off,
    switch_tests_on,
    unforce_user,
)
from experiments.services.health import check_split_groups, request_health_check
from experiments.services.preparation import prepare_settings_group, retry_preparation
from experiments.services.properties import create_experiment, edit_properties
from experiments.services.recounts import recount_settings_group, request_recount
from experiments.services.settings_groups import (
    add_settings_group,
    attach_settings_group,
    copy_settings_group,
)
from experiments.services.tagging import tag_experiments
from experiments.services.transitions import apply_verb

__all__ = [
    "Forcing",
    "add_settings_group",
    "apply_verb",
    "approve_start",
    "attach_settings_group",
    "check_split_groups",
    "copy_settings_group",
    "create_experiment",
    "edit_properties",
    "force_user",
    "force_users",
    "prepare_settings_group",
    "recount_settings_group",
    "request_approval",
    "request_health_check",
    "request_recount",
    "retry_preparation",
    "switch_tests_off",
    "switch_tests_on",
    "tag_experiments",
    "unforce_user",
]
