//! # raet's own tests
//!
//! raet 0.6.8 has 285 unit tests of its own. What each of them shows is shown of ours by a simulated test, or does not
//! apply to it, and then a sentence says why. `tests/checklist/table.rs` reads this chapter: every name is in one row, and every test
//! named exists. Names are without `test_` and `test`; `*` stands for the rest.
//!
//! # Join
//!
//! | raet's | ours |
//! |---|---|
//! | `joining.JoinBasic`, `joining.JoinerAckAcceptCascade` | `tests/road_first_contact.rs::knock_accept_and_talk` |
//! | `joining.JoinJointVacuuousMain*`, `joining.JoinentJoinDuplicateJoinerMatchNames`, `joining.NonVacuousJoinentJoinDuplicateVacuousJoiner`, `joining.VacuousJoinentJoinDuplicateNonVacuousJoiner`, `joining.JoinentReceiveRefuse` | `tests/road_race.rs::both_join_at_once`, `tests/road_sessions.rs::both_join_at_once_byte_for_byte_from_both_seats` |
//! | `joining.FirstJoin*Dropped` | `tests/checklist/joins_lost.rs::the_first_is_dropped` |
//! | `joining.AllJoin*Dropped` | `tests/checklist/joins_lost.rs::all_are_dropped_and_then_none` |
//! | `joining.FirstJoin*Delayed`, `joining.AllJoin*Delayed` | `tests/checklist/joins_lost.rs::they_are_delayed` |
//! | `joining.Join*Duplicated` | `tests/checklist/joins_lost.rs::they_come_twice`, `tests/road_reliability.rs::a_repeated_join_response_is_answered` |
//! | `joining.JoinentJoinDuplicateJoinent`, `joining.JoinerJoinInProcess` | `tests/checklist/joins_lost.rs::a_second_join_while_one_is_on_its_way_is_the_same` |
//! | `joining.JoinentRestart*`, `joining.JoinerRestart*` | `tests/checklist/joins_lost.rs::a_process_that_ends_anywhere_in_it_joins_again` |
//! | `joining.JoinerClearJoinentNotClear` | `tests/road_restart.rs::of_one_side_or_both` |
//! | `joining.JoinerProcessNoPacketTimeout` | `tests/road_keys.rs::a_master_that_does_not_answer_is_said_once`, `tests/road_restart.rs::a_dead_master_is_asked_for_ever` |
//! | `joining.JoinentNonMainRejectJoin` | `tests/road_negative_vectors.rs::every_case` |
//! | `joining.JoinentJoinMissing*` | `tests/checklist/fields_missing.rs::in_a_request` |
//! | `joining.JoinerAcceptMissing*` | `tests/checklist/fields_missing.rs::in_a_response` |
//! | `joining.Join*ErrorParseInner` | `tests/road_noise.rs::mutations_of_real_packets`, `tests/road_negative_vectors.rs::every_case` |
//! | `joining.Join*ErrorPack`, `joining.JoinerJoinPackError` | Our packets are made of types that always have a form, so none fails to pack; one that should not leave does not: `src/wire/v0/outgoing_tests.rs::packets_that_do_not_leave` |
//! | `joining.JoinentJoinErrorAddRemote` | A table has no two estates of one number, and an end: `tests/road_trust.rs::the_roll_has_an_end_whoever_decides`, `tests/road_mutable.rs::numbers_are_not_given_out_twice` |
//! | `joining.JoinerJoinInvalidKind`, `joining.JoinentAckAcceptIncorrectKind`, `joining.JoinerNackIncorrectPacketKind`, `joining.JoinentNackUnknown` | Does not apply: an estate's kind and a packet's kind are types, and have no other values than those there are. |
//! | `joining.JoinentJoinRejectNameConflict`, `joining.JoinentJoinRenameRemoteFail`, `joining.JoinerAcceptReject*`, `joining.VacuousJoinerAccept*` | `tests/road_race.rs::the_first_of_two_names_wins`, `tests/road_race.rs::nobody_is_called_like_us`, `tests/road_race.rs::one_key_may_have_several_names`, `tests/road_mutable.rs::a_new_name_of_known_keys_is_another_estate` |
//! | `joining.JoinentNackRenew`, `joining.NonVacuousJoinentJoinNoDestinationIdMatch`, `joining.VacuousEphemeralJoinentJoinIncorrectRemoteId` | `tests/checklist/answers_to_joins.rs::numbers_nobody_has_are_renewed`, `tests/road_restart.rs::numbers_given_out_anew` |
//!
//! # Join requests of a known estate
//!
//! | raet's | ours |
//! |---|---|
//! | `joining.JoinentVacuousImmutableReject*` | `tests/checklist/answers_to_joins.rs::immutable_vacuous` |
//! | `joining.JoinentNonVacuousImmutableReject*` | `tests/checklist/answers_to_joins.rs::immutable_not_vacuous` |
//! | `joining.JoinentVacuousRejected*`, `joining.JoinentVacuousEphemeralRejected*` | `tests/checklist/answers_to_joins.rs::rejected_vacuous` |
//! | `joining.JoinentNonVacuousRejected*` | `tests/checklist/answers_to_joins.rs::rejected_not_vacuous` |
//! | `joining.JoinentVacuousAccept*`, `joining.JoinentVacuousEphemeralAccept*` | `tests/checklist/answers_to_joins.rs::mutable_vacuous`, `tests/road_mutable.rs::a_joined_estate_changes_its_name_and_kind_only_by_a_handshake` |
//! | `joining.JoinentNonVacuousAccept*` | `tests/checklist/answers_to_joins.rs::mutable_not_vacuous` |
//! | `joining.JoinentVacuousPending*`, `joining.JoinentVacuousEphemeralPending*` | Another role under a known name is refused, where raet lets it wait: `tests/checklist/answers_to_joins.rs::pending_vacuous` |
//! | `joining.JoinentNonVacuousPending*` | The same: `tests/checklist/answers_to_joins.rs::pending_not_vacuous` |
//!
//! # Responses of a known estate
//!
//! | raet's | ours |
//! |---|---|
//! | `joining.JoinerVacuousImmutable*`, `joining.JoinerNonVacuousImmutable*` | Another key or role gets no answer, where raet refuses: the response is unsigned. Another number is taken, and a renewal as well: `tests/checklist/answers_to_responses.rs::immutable` |
//! | `joining.JoinerVacuousRejected*`, `joining.JoinerNonVacuousRejected*` | `tests/checklist/answers_to_responses.rs::rejected` |
//! | `joining.JoinerVacuousAccept*`, `joining.JoinerVacuousNorenewAccept*`, `joining.JoinerNonVacuousAccept*` | `tests/checklist/answers_to_responses.rs::mutable`, `tests/road_trust.rs::on_the_asking_side` |
//! | `joining.JoinerVacuousPending*`, `joining.JoinerNonVacuousPending*` | `tests/checklist/answers_to_responses.rs::pending`, `tests/road_keys.rs::a_master_whose_key_waits_at_the_minion` |
//!
//! # Presence
//!
//! | raet's | ours |
//! |---|---|
//! | `presenting.JoinFromMain`, `presenting.JoinFromMainNameRoleDiffer`, `presenting.JoinNameRoleDiffer` | `tests/road_model.rs::safety_then_progress`, `tests/road_race.rs::both_join_at_once`, `tests/attacks/captured_salt.rs::the_master_is_served_as_by_its_minion` |
//! | `presenting.JoinFromMainKindChange` | `tests/road_mutable.rs::kind_and_main` |
//! | `presenting.AliveDead`, `presenting.AllAliveRequestsDropped` | `tests/checklist/presence.rs::all_lost_is_a_death_and_it_comes_back`, `tests/road_partition.rs::silence_is_noticed_and_healing_is_enough` |
//! | `presenting.AliveDeadMultiple` | `tests/checklist/presence.rs::several_die_and_the_others_stay` |
//! | `presenting.AliveUnjoinedUnallowedBoth`, `presenting.AliventUnallowed`, `presenting.AliventUnjoined` | `tests/checklist/presence.rs::a_question_to_who_forgot_us_is_answered_so`, `tests/road_negative_vectors.rs::every_case` |
//! | `presenting.AliventJoinedAllowed` | `tests/checklist/presence.rs::who_is_there_is_asked_now_and_then`, `tests/road_sessions.rs::presence_questions_are_answered_in_kind` |
//! | `presenting.Alivent*Error*`, `presenting.Aliver*Error*` | As with joins; and an alive has no body to parse: `tests/road_noise.rs::mutations_of_real_packets`, `src/wire/v0/outgoing_tests.rs::packets_that_do_not_leave` |
//! | `presenting.AliventProcessTimeout`, `presenting.AliventReceiveRequest` | Does not apply: whoever is asked answers and remembers nothing that could time out or be asked twice: `tests/road_sessions.rs::presence_questions_are_answered_in_kind` |
//! | `presenting.AliverReceiveNack` | `tests/road_restart.rs::from_an_old_backup`, `tests/road_keys.rs::a_rejection_cuts_a_live_session` |
//! | `presenting.FirstAliveRequestDropped` | `tests/checklist/presence.rs::a_lost_question_or_answer_is_asked_again` |
//! | `presenting.FirstAliveRequestDelayed`, `presenting.AllAliveRequestsDelayed`, `presenting.FirstAliveRequestDuplicated`, `presenting.AliveAckDuplicated` | `tests/checklist/presence.rs::late_and_double_ones_change_nothing` |
//! | `presenting.CascadeBoth`, `presenting.ManageCascade*`, `presenting.ManageMainRebootCascade`, `presenting.ManageRebootCascade*` | `tests/checklist/presence.rs::from_unallowed_and_unjoined_the_chain_leads_back`, `tests/road_restart.rs::again_and_again` |
//! | `presenting.ManageOneSide`, `presenting.ManageBothSides`, `presenting.ManageNoTimerExpired`, `presenting.ManageUnjoined*`, `presenting.ManageUnallowed*`, `presenting.ManageUnalived*` | One timer an estate instead of raet's table of them: `tests/checklist/presence.rs::who_is_there_is_asked_now_and_then`, `tests/road_contract.rs::idle_roads_are_idle`, `tests/road_restart.rs::a_dead_minion_is_left_alone` |
//! | `presenting.ManageReap*` | Does not apply: nothing is reaped, because who comes to us is not asked for once it is silent: `tests/road_restart.rs::a_dead_minion_is_left_alone` |
//!
//! # Messages
//!
//! | raet's | ours |
//! |---|---|
//! | `messaging.MessageBurst*` | Bursts are ours to choose, at most 60 packets, and no setting: `tests/road_reliability.rs::a_perfect_link`, `tests/road_reliability.rs::five_megabytes` |
//! | `messaging.MessageDropAllFirst` | `tests/checklist/messages_lost.rs::the_first_burst_is_lost` |
//! | `messaging.MessageSegmentedLostAckDuplicate` | `tests/checklist/messages_lost.rs::answers_are_lost` |
//! | `messaging.MessageSingleSegmentedDuplicate` | Answered `done` again, where raet says nack: `tests/checklist/messages_lost.rs::a_duplicate_after_the_end_is_delivered_no_more` |
//! | `messaging.MessageWith*` | `tests/checklist/messages_lost.rs::a_small_receive_buffer_is_got_through`, `tests/road_reliability.rs::a_megabyte_under_loss`, `tests/road_reliability.rs::loss` |
//! | `stacking.Bootstrap*`, `stacking.MsgBothways*`, `stacking.Segmented*` | `tests/road_sessions.rs::messages_from_both_seats`, `tests/road_reliability.rs::many_at_once`, `tests/encoder/main.rs::what_leaves_is_what_python_takes` |
//! | `stacking.BasicAlive` | `tests/checklist/presence.rs::who_is_there_is_asked_now_and_then` |
//! | `stacking.JoinForever` | `tests/road_restart.rs::a_dead_master_is_asked_for_ever` |
//! | `stacking.MsgVeritive`, `stacking.StaleNack` | `tests/road_negative_vectors.rs::every_case` |
//!
//! # Keep, packets, keys
//!
//! | raet's | ours |
//! |---|---|
//! | `estating.NormalizeHost` | Does not apply: a road is given addresses; names of hosts are the settings' business. |
//! | `keeping.AltDirpath` | Does not apply: a directory that cannot be used stops the daemon with a sentence; there is no second one to fall back on. |
//! | `keeping.Basic*` | `src/keep/store/tests.rs::estates_are_kept`, `src/keep/format/tests.rs::remote_estates_of_python_are_read`, `src/keep/format/tests.rs::role_keys_are_salts_bytes` |
//! | `keeping.Pending*` | `tests/road_keys.rs::a_pending_minion_may_restart`, `tests/road_keys.rs::a_pending_minion_may_be_forgotten_by_a_restarted_master` |
//! | `keeping.Rejoin*`, `keeping.LostOtherKeep`, `keeping.LostMainKeep` | `tests/road_restart.rs::of_one_side_or_both`, `tests/road_restart.rs::under_loss` |
//! | `keeping.Lost*KeepLocal` | `tests/road_keys.rs::another_key_under_a_known_name_is_refused_and_said`, `tests/road_keys.rs::a_minion_that_knows_its_master_refuses_another_and_says_so` |
//! | `packeting.Basic*` | `tests/wire_v0_vectors.rs::packets_read_and_write`, `tests/wire_v0_vectors.rs::bodies_pack_and_unpack` |
//! | `packeting.Segmentation` | `tests/wire_v0_vectors.rs::segments_cut_and_reassemble` |
//! | `packeting.Encrypt` | `tests/wire_v0_vectors.rs::coats_seal_and_open` |
//! | `packeting.Sign` | `tests/wire_v0_vectors.rs::packets_read_and_write` |
//! | `nacling.Encrypt` | `src/nacl/boxes.rs::both_sides_share_a_box` |
//! | `nacling.Sign` | `src/nacl/sign.rs::rfc_8032_test_1`, `src/nacl/sign.rs::nothing_else_verifies` |
//! | `nacling.Uuid` | Does not apply: nothing of ours is numbered by time and host. |
//! | `nacling.Blank`, `nacling.Cookie`, `nacling.Initiate` | `tests/wire_v0_vectors.rs::handshake_bodies` |
//!
//! # Lanes
//!
//! | raet's | ours |
//! |---|---|
//! | `lane.paging.*` | `src/lane/page_tests.rs::writes_what_raet_writes`, `src/lane/page_tests.rs::reads_what_raet_writes` |
//! | `lane.stacking.Message*` | `src/lane/lane_tests.rs::bodies_of_vectors`, `src/lane/lane_tests.rs::real_salt`, `src/drive/lane/lane_tests.rs::large_and_many_both_ways` |
//! | `lane.stacking.AutoAccept*`, `lane.stacking.FetchRemoteFromHa` | Yards are let in by the user that the kernel names, not by a list: `src/drive/lane/lane_tests.rs::a_page_under_another_name_is_dropped`, `src/drive/lane/lane_tests.rs::a_socket_of_a_stranger_is_no_daemon` |
//! | `lane.stacking.Restart` | `src/lane/lane_tests.rs::sessions_and_missed_pages` |
