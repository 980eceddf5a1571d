INSERT INTO analytics_internal.`contact_channels` (`project_id`, `branch_id`, `id`, `user_id`, `type`, `value`, `is_primary`, `is_verified`, `used_for_auth`, `created_at`, `sync_sequence_id`, `sync_is_deleted`) FORMAT Native;
SELECT CAST((SELECT toInt64(max(`sync_sequence_id`)) - toInt64(count() = 0) FROM analytics_internal.`contact_channels`
  WHERE `project_id` = {project:String} AND `branch_id` = {branch:String} AND `sync_sequence_id` <= {bound:Int64}) AS Int64);
OPTIMIZE TABLE analytics_internal.`contact_channels` FINAL;
ALTER TABLE analytics_internal.`contact_channels` DELETE WHERE `sync_is_deleted` = 1 AND `sync_created_at` < now64(3) - toIntervalMillisecond(86400000);
