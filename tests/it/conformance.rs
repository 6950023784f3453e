//! What every store has to do, whatever database stands behind it: the verbs of
//! [`Store`](sqrawl::store::Store), judged by the rows they leave. A second backend implements
//! [`backend::Backend`] and lists itself in [`every_store`].
//!
//! - `settle`, `frontier`, `lease`, `politeness`, `session`, `rounds`, `sitemaps`: one promise a case.
//! - `random`: crawls of chance, recounted after every step.
//! - `sqlite`: the file, its lock, its plans, the stock shell.

pub(crate) mod backend;
pub(crate) mod crawl;
mod frontier;
mod inbox;
mod lease;
mod politeness;
mod random;
mod rounds;
mod session;
mod settle;
mod sitemaps;
pub(crate) mod sqlite;
mod suspects;

/// Runs every case against every backend.
macro_rules! every_store {
    ($($room:ident: $($case:ident),+ $(,)?;)+) => {
        mod on_sqlite {
            $(mod $room {
                $(#[tokio::test]
                async fn $case() {
                    crate::conformance::$room::$case::<crate::conformance::backend::Sqlite>().await;
                })+
            })+
        }
    };
}

every_store! {
    settle:
        a_page_becomes_rows,
        a_url_leased_when_due_leaves_its_schedule,
        a_visit_under_a_lost_lease_changes_nothing,
        a_visit_after_its_release_changes_nothing,
        an_unchanged_page_repeats_what_it_confirms,
        a_visit_to_a_url_that_moved_on_is_dropped,
        a_url_visited_twice_in_a_batch_counts_once,
        robots_results_never_become_urls,
        a_host_can_change_without_a_visit,
        hops_ledger_and_directives_are_kept,
        the_same_content_is_stored_once,
        a_known_content_gets_the_body_it_lacks,
        links_are_replaced_by_difference,
        a_link_named_twice_on_a_page_is_kept_once,
        a_page_may_link_to_itself_and_redirect_to_itself,
        discarded_references_are_counted_by_rule,
        no_text_holds_nul,
        every_name_of_the_model_is_accepted,
        a_wide_batch_is_settled_whole;
    frontier:
        two_pages_of_a_batch_name_the_same_new_url,
        a_shorter_path_lowers_depth_and_priority,
        a_link_resets_the_hops_of_a_redirect_target,
        an_exclusion_is_lifted_by_an_acceptable_path,
        the_path_that_comes_furthest_counts,
        a_final_exclusion_stays,
        a_settled_url_is_not_queued_again,
        a_host_without_work_wakes_when_it_gets_some,
        a_host_that_waits_for_a_retry_wakes_for_new_work,
        a_host_at_its_page_limit_is_never_ready,
        a_seeds_redirect_widens_the_crawl,
        a_seeds_redirect_leads_back_to_it_whatever_named_its_target,
        what_is_imported_into_a_crawl_changes_none_of_its_limits,
        admitting_seeds_again_changes_nothing,
        what_is_open_can_be_judged_again;
    lease:
        hosts_come_longest_ready_first,
        new_hosts_do_not_push_older_ones_back,
        urls_that_are_due_come_first_then_by_priority,
        a_refill_skips_what_is_held,
        a_refill_of_a_lost_lease_gives_nothing,
        a_host_is_leased_once,
        a_host_with_nothing_due_is_not_leased,
        a_lease_carries_what_the_worker_needs,
        a_lease_of_named_urls_brings_what_was_never_asked_for,
        a_lease_brought_every_robots_txt_of_a_host,
        leasing_extends_every_lease_of_the_session;
    suspects:
        what_was_parsed_at_a_death_is_tried_alone_and_last,
        what_was_asked_for_at_two_deaths_is_held_back,
        a_death_of_something_else_forgets_what_was_only_asked_for,
        deaths_of_what_is_tried_alone_are_counted_at_every_stage,
        what_was_settled_at_two_deaths_is_held_back_all_of_it,
        a_death_at_another_moment_left_the_count_as_it_was,
        what_a_session_left_is_taken_in_once,
        a_host_that_must_wait_keeps_its_suspect_waiting,
        losing_the_suspects_costs_nothing,
        a_recrawl_still_holds_back_what_killed;
    politeness:
        what_is_known_of_a_host_comes_back_with_its_lease,
        the_latest_word_on_a_host_counts,
        a_moment_read_twice_does_not_bring_an_old_delay_back,
        a_state_that_comes_batches_late_does_not_bring_an_old_delay_back,
        requests_for_robots_stand_in_the_ledger,
        the_ledger_holds_requests_alone,
        a_host_can_be_leased_by_its_name,
        a_ready_host_that_is_named_is_leased_once,
        a_session_knows_since_when_it_was_quiet;
    session:
        a_new_database_holds_no_crawl,
        settings_and_seeds_come_back,
        a_crash_frees_hosts_after_their_delay,
        an_end_with_requests_under_way_keeps_the_delay,
        a_clock_that_jumped_back_stops_no_host,
        what_waits_goes_back_with_the_clock,
        time_spent_adds_up_over_crashes,
        a_round_ends_when_complete_and_goes_on_with_new_seeds,
        a_changed_page_limit_holds_from_the_next_session,
        only_a_death_while_urls_were_judged_has_them_judged_again;
    inbox:
        a_command_is_applied_once,
        what_is_skipped_leaves_the_queue_and_comes_back,
        what_failed_is_queued_again,
        what_cannot_be_applied_is_refused;
    rounds:
        a_recrawl_visits_everything_again_with_validators,
        a_recrawl_asks_robots_and_the_guard_again,
        a_recrawl_goes_on_with_a_round_that_was_interrupted,
        an_unchanged_page_names_what_it_named,
        page_limits_belong_to_a_round;
    sitemaps:
        robots_names_sitemaps,
        entries_are_kept_and_replaced,
        an_index_names_sitemaps,
        a_url_knows_who_named_it_first;
    random:
        counters_equal_their_recount_after_every_step;
}
