INSERT INTO analytics_internal.`team_member_profiles` (`project_id`, `branch_id`, `team_id`, `user_id`, `display_name`, `profile_image_url`, `created_at`, `sync_sequence_id`, `sync_is_deleted`) FORMAT Native;
SELECT CAST((SELECT toInt64(max(`sync_sequence_id`)) - toInt64(count() = 0) FROM analytics_internal.`team_member_profiles`
  WHERE `project_id` = {project:String} AND `branch_id` = {branch:String} AND `sync_sequence_id` <= {bound:Int64}) AS Int64);
OPTIMIZE TABLE analytics_internal.`team_member_profiles` FINAL;
ALTER TABLE analytics_internal.`team_member_profiles` DELETE WHERE `sync_is_deleted` = 1 AND `sync_created_at` < now64(3) - toIntervalMillisecond(86400000);
