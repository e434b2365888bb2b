"""The essentials of the control room's pages once more, on PostgreSQL: the very same tests, on a
site whose database differs from SQLite in locks, types, order and conflicts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broadcast.operators import operators
from tests.console.site import Site, open_site
from tests.console.test_room_compose import (
    author,
    test_check_7_and_9_the_preview_is_the_check_and_counts_parts_as_the_command,
    test_check_14_who_only_follows_links_changes_nothing,
    test_check_15_what_is_typed_is_there_again_after_a_reload_complete_or_not,
    test_check_16_a_second_tab_is_told_and_nothing_is_overwritten,
    test_one_begins_from_a_template_or_a_copy,
)
from tests.console.test_room_exercises import (
    test_one_person_plans_another_tells_the_public_and_one_takes_it_down,
)
from tests.console.test_room_log import (
    test_a_contact_is_shown_to_who_says_why_and_that_is_recorded,
    test_check_36_sentences_say_what_the_ledger_knows,
    test_check_37_the_csv_is_masked_and_runs_nothing,
    test_every_number_of_the_account_leads_to_as_many_people,
)
from tests.console.test_room_machine import (
    test_people_are_brought_in_or_every_error_of_the_file_is_a_row,
    test_what_was_put_aside_is_closed_with_a_reason_and_comes_back_if_it_fails_again,
)
from tests.console.test_room_office import (
    test_an_operator_is_asked_for_and_approved_by_another_administrator,
    test_the_audit_log_is_searched_by_kind_and_subject_and_only_by_auditors,
)
from tests.console.test_room_pictures import (
    test_check_40_levels_as_of_a_day_are_those_of_the_history,
    test_who_was_reached_where_and_how_fast,
)
from tests.console.test_room_sign_in import (
    test_a_session_ends_after_twelve_hours_and_an_approver_s_after_thirty_minutes_away,
    test_an_invitation_runs_out_is_replaced_and_ends_with_its_operator,
    test_sessions_are_ended_by_their_owner_and_an_administrator_and_nobody_else,
)
from tests.console.test_room_thin_path import (
    test_a_form_sent_twice_or_by_two_approvers_sends_once,
    test_hold_resume_stop_correct_and_all_clear,
    test_live_and_exercise_never_mix,
    test_of_two_editors_the_second_is_told_and_nothing_is_overwritten,
    test_the_first_page_says_what_needs_whom_how_it_goes_and_how_the_machine_is,
    test_what_changed_after_the_approver_s_page_was_made_is_not_approved,
    test_written_found_checked_submitted_approved_and_it_arrives,
)
from tests.console.visitor import HERE

pytestmark = pytest.mark.postgres

__all__ = [
    "author",
    "test_a_contact_is_shown_to_who_says_why_and_that_is_recorded",
    "test_a_form_sent_twice_or_by_two_approvers_sends_once",
    "test_a_session_ends_after_twelve_hours_and_an_approver_s_after_thirty_minutes_away",
    "test_an_invitation_runs_out_is_replaced_and_ends_with_its_operator",
    "test_an_operator_is_asked_for_and_approved_by_another_administrator",
    "test_check_7_and_9_the_preview_is_the_check_and_counts_parts_as_the_command",
    "test_check_14_who_only_follows_links_changes_nothing",
    "test_check_15_what_is_typed_is_there_again_after_a_reload_complete_or_not",
    "test_check_16_a_second_tab_is_told_and_nothing_is_overwritten",
    "test_check_36_sentences_say_what_the_ledger_knows",
    "test_check_37_the_csv_is_masked_and_runs_nothing",
    "test_check_40_levels_as_of_a_day_are_those_of_the_history",
    "test_every_number_of_the_account_leads_to_as_many_people",
    "test_hold_resume_stop_correct_and_all_clear",
    "test_live_and_exercise_never_mix",
    "test_of_two_editors_the_second_is_told_and_nothing_is_overwritten",
    "test_one_begins_from_a_template_or_a_copy",
    "test_one_person_plans_another_tells_the_public_and_one_takes_it_down",
    "test_people_are_brought_in_or_every_error_of_the_file_is_a_row",
    "test_sessions_are_ended_by_their_owner_and_an_administrator_and_nobody_else",
    "test_the_audit_log_is_searched_by_kind_and_subject_and_only_by_auditors",
    "test_the_first_page_says_what_needs_whom_how_it_goes_and_how_the_machine_is",
    "test_what_changed_after_the_approver_s_page_was_made_is_not_approved",
    "test_what_was_put_aside_is_closed_with_a_reason_and_comes_back_if_it_fails_again",
    "test_who_was_reached_where_and_how_fast",
    "test_written_found_checked_submitted_approved_and_it_arrives",
]


@pytest.fixture
async def site(tmp_path: Path, migrated_postgres_url: str) -> AsyncIterator[Site]:
    """The site of these tests, on PostgreSQL; it takes the place of each module's own."""
    env = {"FASTTIME_DATABASE_URL": migrated_postgres_url, "FASTTIME_PUBLIC_URL": HERE}
    async with open_site(tmp_path, **env) as running:
        assert running.db.dialect == "postgresql"
        _, running.tokens["second"] = await running.db.write(
            operators.add,
            name="second",
            role="administrator",
            area=None,
            email=None,
            now=datetime.now(UTC),
        )
        yield running
