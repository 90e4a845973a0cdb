//! The list of all rules, so that a store's tests can name each.

/// Makes a test of each rule in [`conformance`](mod@crate::conformance), in a module `conformance`. `$make` is an async
/// function without arguments that gives a fresh [`Subject`](crate::conformance::Subject).
///
/// See [`conformance`](mod@crate::conformance) for an example.
#[macro_export]
macro_rules! conformance {
    ($make:expr) => {
        $crate::conformance! {
            @tests $make;
            insert:
                what_was_asked_can_be_read_back,
                a_repeated_insert_is_a_duplicate_and_changes_nothing,
                each_run_of_a_batch_is_kept_or_refused_by_itself,
                an_insert_of_nothing_is_answered,
                many_runs_can_be_inserted_at_once,
                inserts_made_at_once_are_all_kept,
                a_wait_counts_from_when_the_store_took_the_run,
                a_run_that_never_was_is_not_found;
            claim:
                higher_priority_goes_first_then_the_longest_due_then_the_older_id,
                a_claim_takes_no_more_than_it_asked_for,
                a_claim_does_what_decide_says,
                a_claim_hands_over_what_the_task_needs,
                a_run_that_is_not_due_is_left_alone,
                a_run_waits_again_when_the_clock_goes_back,
                a_time_that_has_passed_is_due_at_once,
                unknown_kinds_are_left_alone,
                newer_versions_are_left_to_newer_code_and_older_ones_are_not,
                a_server_that_reads_nothing_gets_nothing,
                each_claim_raises_the_epoch_and_counts_checkpoints_anew,
                claims_made_at_once_never_share_a_run;
            waiting:
                an_insert_serves_a_waiting_claim,
                a_waiting_claim_is_served_at_once_when_there_is_work,
                the_coming_of_its_time_serves_a_waiting_claim,
                a_retry_serves_a_waiting_claim_when_it_is_due,
                a_suspension_until_a_time_serves_a_waiting_claim_when_it_comes,
                a_proceed_serves_a_waiting_claim,
                a_proceed_at_a_time_serves_a_waiting_claim_when_it_comes,
                an_interrupted_run_serves_a_waiting_claim,
                a_hastened_run_serves_a_waiting_claim,
                an_unparked_run_serves_a_waiting_claim,
                two_waiting_claims_get_a_run_each,
                work_of_another_kind_leaves_a_claim_waiting,
                a_waiting_claim_that_was_dropped_takes_nothing,
                a_claim_that_was_dropped_before_its_answer_was_taken_is_given_back,
                a_claim_that_was_dropped_right_before_its_server_left_is_no_crash;
            checkpoint:
                the_next_attempt_sees_the_last_checkpoint,
                a_repeated_checkpoint_is_recognised_by_its_seq,
                a_checkpoint_that_was_overtaken_changes_nothing,
                a_checkpoint_of_a_run_that_is_gone_is_not_found,
                each_checkpoint_of_a_batch_is_kept_or_refused_by_itself,
                several_checkpoints_of_one_run_in_a_batch_are_kept_in_order,
                a_checkpoint_brings_back_that_the_run_was_cancelled,
                a_checkpoint_with_a_new_value_is_progress_and_one_with_the_old_value_is_not,
                a_checkpoint_by_newer_code_leaves_the_run_to_newer_code,
                progress_alone_is_seen_at_once_and_counts_as_no_checkpoint,
                progress_is_kept_with_the_next_checkpoint_and_left_alone_by_one_that_brings_none;
            fence:
                late_writes_after_a_reclaim_are_refused,
                late_writes_after_the_lease_ran_out_are_refused,
                late_writes_after_the_server_left_are_refused,
                late_writes_after_a_crash_are_refused,
                late_writes_after_a_cancelled_run_crashed_are_refused,
                an_epoch_that_has_not_been_is_refused,
                checkpoints_after_the_attempt_ended_are_refused;
            unique:
                a_second_run_of_a_key_is_refused_or_answered_with_the_first,
                a_repeated_insert_of_a_unique_run_is_a_duplicate,
                a_key_is_not_lost_when_who_had_it_before_is_taken_back,
                a_run_that_was_deleted_and_comes_again_has_its_key_for_a_period_of_its_own,
                keys_are_apart_by_kind_and_runs_without_one_are_free,
                within_a_batch_the_first_run_of_a_key_is_kept,
                a_key_is_free_again_when_its_scope_ends,
                a_key_is_free_again_when_its_run_is_deleted,
                keys_outlive_the_process,
                a_waiting_run_takes_over_what_a_second_one_brings,
                what_was_asked_of_a_run_that_has_begun_is_not_replaced,
                of_many_that_come_at_once_with_one_key_one_is_kept,
                a_run_that_is_suspended_before_it_began_keeps_its_key,
                what_was_asked_of_a_suspended_run_that_has_not_begun_is_replaced_and_it_stays_suspended,
                a_key_that_is_taken_for_a_period_outlives_its_run;
            limits:
                nothing_of_a_paused_queue_or_kind_is_claimed_until_it_is_resumed,
                pauses_and_limits_outlive_the_process,
                a_resumed_queue_serves_a_waiting_claim,
                no_more_run_at_once_than_a_limit_allows_however_they_end,
                a_slot_is_free_again_when_its_process_died_or_its_lease_ran_out,
                the_end_of_one_serves_a_claim_that_waits_for_its_slot,
                runs_that_share_a_key_share_a_limit_and_hold_up_no_others,
                no_more_start_in_a_period_than_a_rate_allows,
                no_window_of_a_period_has_more_starts_than_a_rate_allows_not_even_over_a_restart,
                a_restart_does_not_fill_a_rate_up_again,
                a_claim_that_waits_for_a_rate_is_served_when_it_allows,
                a_rate_of_a_key_holds_up_no_other_key_and_ends_in_time,
                a_rate_of_a_key_that_is_lifted_holds_nothing_up_any_more,
                a_key_is_not_closed_by_what_a_clock_said_that_was_set_back,
                queues_share_claims_by_their_weights,
                a_server_gets_of_each_queue_what_it_has_room_for,
                a_run_that_requires_labels_is_left_to_servers_that_have_them,
                terms_can_be_read_back;
            update:
                a_waiting_run_can_be_given_another_time,
                a_run_that_got_another_priority_is_claimed_by_it,
                a_waiting_run_can_be_put_aside_until_a_proceed,
                a_running_run_is_told_to_suspend_and_waits_for_a_proceed,
                a_run_that_was_told_to_suspend_does_so_though_its_process_dies,
                a_proceed_undoes_a_suspension_that_has_not_come_yet,
                what_is_final_or_gone_cannot_be_steered;
            schedules:
                a_schedule_is_changed_by_whoever_saw_it_last,
                runs_come_with_the_change_or_not_at_all,
                each_run_of_a_change_is_kept_or_refused_by_itself,
                runs_of_a_schedule_serve_a_waiting_claim,
                schedules_outlive_the_process,
                changes_are_told_to_those_who_wait,
                a_store_without_schedules_says_so_at_once;
            explain:
                states_explain_themselves,
                the_lack_of_a_server_is_told,
                what_holds_it_back_is_told,
                what_is_ahead_of_it_is_told,
                what_a_last_try_and_a_suspect_hold_back_is_told;
            log:
                what_attempts_say_is_read_back_by_attempt,
                a_page_that_is_written_again_is_there_once,
                only_so_many_pages_and_attempts_are_kept,
                an_attempt_that_was_overtaken_says_nothing_more,
                an_attempt_that_has_just_ended_may_still_say_something,
                a_run_that_said_nothing_has_an_empty_log,
                a_log_outlives_the_process,
                a_log_goes_with_its_run;
            settle:
                every_ending_does_what_decide_says,
                every_ending_keeps_the_last_execution_metadata_and_progress,
                an_ending_that_repeats_the_last_checkpoint_keeps_what_is_there,
                a_repeated_ending_is_recognised_by_its_epoch,
                a_repeated_ending_within_a_batch_is_recognised,
                each_ending_of_a_batch_is_kept_or_refused_by_itself,
                many_attempts_can_be_saved_and_ended_at_once,
                a_checkpoint_and_an_ending_that_overtakes_it_leave_the_newer,
                a_failure_is_retried_from_its_checkpoint,
                a_retry_from_the_start_sees_what_the_run_was_enqueued_with,
                the_last_failure_is_final_and_keeps_how_far_the_run_came,
                a_panic_right_after_a_change_is_counted_and_the_change_is_kept,
                an_outcome_comes_back_as_it_was_given,
                interrupted_runs_go_on_at_once_and_nothing_is_counted_against_them,
                a_run_that_suspends_waits_for_what_it_said;
            proceed:
                a_suspended_run_goes_on_where_it_was,
                a_proceed_at_a_time_waits_for_it,
                a_proceed_comes_before_the_time_that_a_run_waits_for,
                a_proceed_of_a_running_run_is_kept_until_it_suspends,
                a_proceed_that_is_kept_for_a_time_lets_the_run_go_on_then,
                a_proceed_for_later_of_a_run_that_is_being_suspended_is_refused,
                a_proceed_that_is_kept_outlives_interruption_and_crash,
                a_proceed_can_bring_other_execution_metadata,
                other_execution_metadata_of_a_newer_version_leaves_the_run_to_newer_code,
                other_execution_metadata_made_on_an_older_revision_is_a_conflict,
                other_execution_metadata_for_a_running_run_is_refused,
                a_run_that_is_not_suspended_is_refused_with_its_state;
            cancel:
                a_run_that_does_not_run_is_cancelled_at_once,
                a_final_run_is_not_cancelled,
                a_run_that_was_asked_to_stop_is_cancelled_however_its_attempt_ends,
                a_task_that_follows_its_cancellation_may_leave_a_typed_error,
                work_that_is_done_is_done_though_it_was_cancelled,
                a_request_to_stop_outlives_a_crash,
                the_history_tells_who_asked_and_what_came_of_it,
                the_history_tells_who_moved_a_run;
            run_now:
                waiting_and_retrying_runs_become_due,
                a_parked_run_is_tried_again,
                a_run_that_would_not_come_sooner_is_refused;
            delete:
                a_run_that_does_not_run_is_removed,
                a_running_run_is_not_removed,
                late_writes_to_a_run_that_was_removed_find_nothing,
                a_removed_run_stays_removed_and_leaves_nothing_to_one_with_its_id;
            release_incompatible:
                a_parked_run_that_is_released_is_claimed_again,
                other_runs_stay_as_they_are,
                parked_runs_stay_parked_through_a_crash;
            retry:
                a_final_run_is_retried_as_a_new_one_and_both_name_each_other,
                a_run_that_is_not_final_is_not_retried_as_another,
                a_run_has_one_successor_however_often_it_is_retried,
                of_many_retries_that_come_at_once_one_is_kept,
                a_retry_begins_at_the_checkpoint_or_at_the_start,
                a_retry_has_the_unique_key_of_the_run_before,
                a_retry_whose_key_is_taken_is_refused_and_changes_nothing,
                a_key_that_is_taken_for_a_period_goes_on_to_the_retry_for_what_is_left_of_it,
                the_link_outlives_the_process_and_the_run_that_it_names,
                runs_that_were_retried_can_be_left_out,
                large_values_go_on_to_the_retry;
            stop_requests:
                a_cancellation_reaches_the_server_that_waits_for_orders,
                orders_given_before_are_answered_at_once_and_after_a_position_only_later_ones,
                a_server_is_not_told_of_the_runs_of_another,
                runs_that_do_not_run_give_no_orders;
            server:
                runs_of_a_server_whose_lease_ran_out_are_taken_away,
                a_run_may_take_for_ever_while_its_server_lives,
                a_server_that_was_declared_dead_stays_dead,
                a_late_heartbeat_saves_a_server_that_nobody_declared_dead,
                only_the_runs_of_the_dead_server_are_taken_away,
                a_server_that_leaves_holds_nothing_and_never_comes_back;
            query:
                pages_follow_each_other_without_gap_or_repeat,
                the_newest_come_first_when_that_is_asked_for,
                a_listed_run_is_the_run_that_get_gives,
                an_empty_store_has_an_empty_page,
                filters_choose_by_kind_state_queue_and_tags_together,
                filters_choose_by_when_a_run_was_enqueued_and_when_it_is_due,
                counts_follow_the_states,
                queues_tell_how_many_runs_are_due_and_since_when,
                a_change_that_was_not_seen_is_answered_at_once,
                a_watcher_sees_each_change_and_each_has_a_higher_revision,
                a_watcher_of_a_run_that_is_removed_is_told,
                a_watcher_is_not_woken_by_other_runs;
            sweep:
                a_final_run_is_kept_for_its_retention_and_no_longer,
                a_run_that_is_not_final_is_never_swept,
                a_sweep_is_bounded_and_takes_the_oldest_first,
                many_runs_are_swept_in_the_end,
                each_final_state_has_its_own_retention,
                kinds_may_be_kept_for_another_time_than_others,
                what_was_swept_stays_away_and_what_was_kept_is_swept_after_a_crash;
            crash:
                a_running_run_goes_on_at_once_where_it_was,
                every_run_is_there_as_it_was_kept,
                waiting_runs_are_claimed_in_the_same_order_as_before,
                a_final_run_stays_final_and_is_executed_no_more,
                epochs_go_on_growing_over_crashes,
                a_store_can_be_reopened_many_times_without_change;
            isolation:
                after_one_death_all_go_on_at_once_at_full_width,
                after_two_deaths_suspects_are_executed_one_at_a_time_beside_everything_else,
                a_suspect_goes_by_priority_like_any_other,
                a_suspect_that_saves_something_or_ends_gives_its_slot_to_the_next,
                a_suspect_that_lasts_through_its_window_gives_its_slot_to_the_next,
                of_suspects_that_die_together_only_the_one_in_the_slot_comes_to_its_last_try,
                runs_that_saved_something_have_no_part_in_a_death,
                a_run_that_was_claimed_ahead_and_had_not_begun_has_no_part_in_a_death,
                the_beginning_of_a_run_that_is_held_no_more_is_refused,
                a_beginning_after_the_record_was_written_outlives_the_process,
                a_last_try_is_alone_until_it_has_saved_something_ended_or_lasted,
                a_server_makes_room_for_a_last_try_for_no_longer_than_the_window,
                the_guilty_run_is_quarantined_and_the_innocent_go_on,
                a_fresh_killer_never_gets_an_innocent_suspect_set_aside,
                new_execution_metadata_between_crashes_clears_a_run,
                a_suspect_that_is_interrupted_stays_one,
                a_last_try_that_nobody_here_can_execute_holds_up_nobody,
                the_suspects_of_a_dead_server_do_not_stop_another,
                a_last_try_on_one_server_leaves_the_others_alone,
                runs_at_their_last_try_are_counted_among_the_due,
                a_last_try_waits_for_its_time;
            values:
                values_of_the_largest_size_go_in_and_out,
                execution_metadata_may_grow_and_shrink,
                the_initial_execution_metadata_is_kept_beside_the_current,
                the_history_is_in_order_and_bounded;
        }
    };
    (@tests $make:expr; $($verb:ident: $($rule:ident),+;)+) => {
        mod conformance {
            #[allow(unused_imports, reason = "what `$make` needs may be named in full")]
            use super::*;
            $(
                mod $verb {
                    #[allow(unused_imports, reason = "what `$make` needs may be named in full")]
                    use super::*;
                    $(
                        #[test]
                        fn $rule() {
                            $crate::conformance::check($make, $crate::conformance::$verb::$rule);
                        }
                    )+
                }
            )+
        }
    };
}

#[cfg(test)]
mod tests {
    /// A rule that is not in the list would never be played.
    #[test]
    fn every_rule_is_in_the_list() {
        let list = include_str!("rules.rs");
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/conformance")).expect("the folder");
        let mut rules = 0;
        for file in files {
            let source = std::fs::read_to_string(file.expect("a file").path()).expect("readable");
            for line in source.lines().filter_map(|line| line.strip_prefix("pub async fn ")) {
                let rule = line.split_once('(').expect("a function").0;
                let listed = list.lines().filter(|line| line.trim().trim_end_matches([',', ';']) == rule).count();
                assert_eq!(listed, 1, "{rule}");
                rules += 1;
            }
        }
        assert!(rules > 100, "{rules} rules found");
    }
}
