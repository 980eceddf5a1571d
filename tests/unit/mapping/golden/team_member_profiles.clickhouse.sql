INSERT INTO analytics_internal.`team_member_profiles` (`project_id`, `branch_id`, `team_id`, `user_id`, `display_name`, `profile_image_url`, `created_at`, `sync_sequence_id`, `sync_is_deleted`) FORMAT Native;
OPTIMIZE TABLE analytics_internal.`team_member_profiles` FINAL;
ALTER TABLE analytics_internal.`team_member_profiles` DELETE WHERE `sync_is_deleted` = 1 AND `sync_created_at` < now64(3) - toIntervalMillisecond(86400000);
