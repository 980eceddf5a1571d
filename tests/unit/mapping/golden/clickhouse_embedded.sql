-- bookkeeping
CREATE DATABASE IF NOT EXISTS analytics_internal;
CREATE TABLE IF NOT EXISTS analytics_internal._tributary_schema (
  `version` UInt32,
  `name` String,
  `installation_id` UUID,
  `applied_at` DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree()
ORDER BY (`version`, `installation_id`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS analytics_internal._stack_sync_metadata (
  `tenancy_id` UUID,
  `mapping_name` String,
  `generation` Int64,
  `last_synced_sequence_id` SimpleAggregateFunction(max, Int64),
  `complete_until` SimpleAggregateFunction(max, Nullable(DateTime64(6, 'UTC'))),
  `updated_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) DEFAULT now64(3, 'UTC'),
  `complete_through` SimpleAggregateFunction(max, Int64) DEFAULT -1
)
ENGINE = AggregatingMergeTree()
ORDER BY (`tenancy_id`, `mapping_name`, `generation`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
INSERT INTO analytics_internal._tributary_schema (`version`, `name`, `installation_id`) VALUES (1, 'bookkeeping', '00000000-0000-0000-0000-000000000000');
-- tables
CREATE TABLE IF NOT EXISTS analytics_internal.`contact_channels` (
  `project_id` String,
  `branch_id` String,
  `id` UUID,
  `user_id` UUID,
  `type` LowCardinality(String),
  `value` String,
  `is_primary` UInt8,
  `is_verified` UInt8,
  `used_for_auth` UInt8,
  `created_at` DateTime64(3, 'UTC'),
  `sync_sequence_id` Int64,
  `sync_is_deleted` UInt8,
  `sync_created_at` DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`sync_sequence_id`, `sync_is_deleted`)
ORDER BY (`project_id`, `branch_id`, `id`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, allow_experimental_replacing_merge_with_cleanup = 1;
CREATE TABLE IF NOT EXISTS analytics_internal.`team_member_profiles` (
  `project_id` String,
  `branch_id` String,
  `team_id` UUID,
  `user_id` UUID,
  `display_name` Nullable(String),
  `profile_image_url` Nullable(String),
  `created_at` DateTime64(3, 'UTC'),
  `sync_sequence_id` Int64,
  `sync_is_deleted` UInt8,
  `sync_created_at` DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`sync_sequence_id`, `sync_is_deleted`)
ORDER BY (`project_id`, `branch_id`, `team_id`, `user_id`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, allow_experimental_replacing_merge_with_cleanup = 1;
CREATE TABLE IF NOT EXISTS analytics_internal.`teams` (
  `project_id` String,
  `branch_id` String,
  `id` UUID,
  `display_name` String,
  `profile_image_url` Nullable(String),
  `created_at` DateTime64(3, 'UTC'),
  `client_metadata` String,
  `client_read_only_metadata` String,
  `server_metadata` String,
  `sync_sequence_id` Int64,
  `sync_is_deleted` UInt8,
  `sync_created_at` DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`sync_sequence_id`, `sync_is_deleted`)
ORDER BY (`project_id`, `branch_id`, `id`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, allow_experimental_replacing_merge_with_cleanup = 1;
CREATE TABLE IF NOT EXISTS analytics_internal.`users` (
  `project_id` String,
  `branch_id` String,
  `id` UUID,
  `display_name` Nullable(String),
  `profile_image_url` Nullable(String),
  `primary_email` Nullable(String),
  `primary_email_verified` UInt8,
  `signed_up_at` DateTime64(3, 'UTC'),
  `client_metadata` String,
  `client_read_only_metadata` String,
  `server_metadata` String,
  `is_anonymous` UInt8,
  `restricted_by_admin` UInt8,
  `restricted_by_admin_reason` Nullable(String),
  `restricted_by_admin_private_details` Nullable(String),
  `sync_sequence_id` Int64,
  `sync_is_deleted` UInt8,
  `sync_created_at` DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`sync_sequence_id`, `sync_is_deleted`)
ORDER BY (`project_id`, `branch_id`, `id`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, allow_experimental_replacing_merge_with_cleanup = 1;
-- views
CREATE OR REPLACE VIEW default.`contact_channels`
DEFINER = `admin` SQL SECURITY DEFINER
AS SELECT `project_id`, `branch_id`, `id`, `user_id`, CAST(`type` AS String) AS `type`, `value`, `is_primary`, `is_verified`, `used_for_auth`, `created_at`
FROM analytics_internal.`contact_channels` FINAL
WHERE `sync_is_deleted` = 0;
CREATE OR REPLACE VIEW default.`team_member_profiles`
DEFINER = `admin` SQL SECURITY DEFINER
AS SELECT `project_id`, `branch_id`, `team_id`, `user_id`, `display_name`, `profile_image_url`, `created_at`
FROM analytics_internal.`team_member_profiles` FINAL
WHERE `sync_is_deleted` = 0;
CREATE OR REPLACE VIEW default.`teams`
DEFINER = `admin` SQL SECURITY DEFINER
AS SELECT `project_id`, `branch_id`, `id`, `display_name`, `profile_image_url`, `created_at`, `client_metadata`, `client_read_only_metadata`, `server_metadata`
FROM analytics_internal.`teams` FINAL
WHERE `sync_is_deleted` = 0;
CREATE OR REPLACE VIEW default.`users`
DEFINER = `admin` SQL SECURITY DEFINER
AS SELECT `project_id`, `branch_id`, `id`, `display_name`, `profile_image_url`, `primary_email`, `primary_email_verified`, `signed_up_at`, `client_metadata`, `client_read_only_metadata`, `server_metadata`, `is_anonymous`, `restricted_by_admin`, `restricted_by_admin_reason`, `restricted_by_admin_private_details`
FROM analytics_internal.`users` FINAL
WHERE `sync_is_deleted` = 0;
