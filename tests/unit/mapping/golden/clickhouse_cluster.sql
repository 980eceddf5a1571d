-- bookkeeping
CREATE DATABASE IF NOT EXISTS analytics_internal ON CLUSTER `analytics`;
CREATE TABLE IF NOT EXISTS analytics_internal._tributary_schema ON CLUSTER `analytics` (
  `version` UInt32,
  `name` String,
  `installation_id` UUID,
  `applied_at` DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/analytics_internal/_tributary_schema', '{replica}')
ORDER BY (`version`, `installation_id`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 0;
CREATE TABLE IF NOT EXISTS analytics_internal._stack_sync_metadata ON CLUSTER `analytics` (
  `tenancy_id` UUID,
  `mapping_name` String,
  `generation` Int64,
  `last_synced_sequence_id` SimpleAggregateFunction(max, Int64),
  `complete_until` SimpleAggregateFunction(max, Nullable(DateTime64(6, 'UTC'))),
  `updated_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) DEFAULT now64(3, 'UTC'),
  `complete_through` SimpleAggregateFunction(max, Int64) DEFAULT -1
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/analytics_internal/_stack_sync_metadata', '{replica}')
ORDER BY (`tenancy_id`, `mapping_name`, `generation`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 0;
INSERT INTO analytics_internal._tributary_schema (`version`, `name`, `installation_id`) VALUES (1, 'bookkeeping', '00000000-0000-0000-0000-000000000000');
-- tables
CREATE TABLE IF NOT EXISTS analytics_internal.`contact_channels` ON CLUSTER `analytics` (
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/analytics_internal/contact_channels', '{replica}', `sync_sequence_id`, `sync_is_deleted`)
ORDER BY (`project_id`, `branch_id`, `id`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 0, allow_experimental_replacing_merge_with_cleanup = 1;
CREATE TABLE IF NOT EXISTS analytics_internal.`team_member_profiles` ON CLUSTER `analytics` (
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/analytics_internal/team_member_profiles', '{replica}', `sync_sequence_id`, `sync_is_deleted`)
ORDER BY (`project_id`, `branch_id`, `team_id`, `user_id`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 0, allow_experimental_replacing_merge_with_cleanup = 1;
CREATE TABLE IF NOT EXISTS analytics_internal.`teams` ON CLUSTER `analytics` (
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/analytics_internal/teams', '{replica}', `sync_sequence_id`, `sync_is_deleted`)
ORDER BY (`project_id`, `branch_id`, `id`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 0, allow_experimental_replacing_merge_with_cleanup = 1;
CREATE TABLE IF NOT EXISTS analytics_internal.`users` ON CLUSTER `analytics` (
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/analytics_internal/users', '{replica}', `sync_sequence_id`, `sync_is_deleted`)
ORDER BY (`project_id`, `branch_id`, `id`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 0, allow_experimental_replacing_merge_with_cleanup = 1;
-- user
CREATE USER IF NOT EXISTS `limited_user` ON CLUSTER `analytics`
IDENTIFIED WITH sha256_hash BY '0000000000000000000000000000000000000000000000000000000000000000'
DEFAULT DATABASE default
SETTINGS max_execution_time = 120 MIN 1 MAX 120,
         max_memory_usage = 1073741824 MIN 1 MAX 1073741824;
ALTER USER `limited_user` ON CLUSTER `analytics`
IDENTIFIED WITH sha256_hash BY '0000000000000000000000000000000000000000000000000000000000000000'
DEFAULT DATABASE default
SETTINGS max_execution_time = 120 MIN 1 MAX 120,
         max_memory_usage = 1073741824 MIN 1 MAX 1073741824;
-- row policies
CREATE ROW POLICY IF NOT EXISTS tributary_tenant ON CLUSTER `analytics` ON default.`contact_channels`
FOR SELECT USING getSetting('readonly') = 1 AND `project_id` = getSetting('SQL_project_id') AND `branch_id` = getSetting('SQL_branch_id')
TO `limited_user`;
ALTER ROW POLICY tributary_tenant ON CLUSTER `analytics` ON default.`contact_channels`
FOR SELECT USING getSetting('readonly') = 1 AND `project_id` = getSetting('SQL_project_id') AND `branch_id` = getSetting('SQL_branch_id')
TO `limited_user`;
CREATE ROW POLICY IF NOT EXISTS tributary_tenant ON CLUSTER `analytics` ON default.`team_member_profiles`
FOR SELECT USING getSetting('readonly') = 1 AND `project_id` = getSetting('SQL_project_id') AND `branch_id` = getSetting('SQL_branch_id')
TO `limited_user`;
ALTER ROW POLICY tributary_tenant ON CLUSTER `analytics` ON default.`team_member_profiles`
FOR SELECT USING getSetting('readonly') = 1 AND `project_id` = getSetting('SQL_project_id') AND `branch_id` = getSetting('SQL_branch_id')
TO `limited_user`;
CREATE ROW POLICY IF NOT EXISTS tributary_tenant ON CLUSTER `analytics` ON default.`teams`
FOR SELECT USING getSetting('readonly') = 1 AND `project_id` = getSetting('SQL_project_id') AND `branch_id` = getSetting('SQL_branch_id')
TO `limited_user`;
ALTER ROW POLICY tributary_tenant ON CLUSTER `analytics` ON default.`teams`
FOR SELECT USING getSetting('readonly') = 1 AND `project_id` = getSetting('SQL_project_id') AND `branch_id` = getSetting('SQL_branch_id')
TO `limited_user`;
CREATE ROW POLICY IF NOT EXISTS tributary_tenant ON CLUSTER `analytics` ON default.`users`
FOR SELECT USING getSetting('readonly') = 1 AND `project_id` = getSetting('SQL_project_id') AND `branch_id` = getSetting('SQL_branch_id')
TO `limited_user`;
ALTER ROW POLICY tributary_tenant ON CLUSTER `analytics` ON default.`users`
FOR SELECT USING getSetting('readonly') = 1 AND `project_id` = getSetting('SQL_project_id') AND `branch_id` = getSetting('SQL_branch_id')
TO `limited_user`;
-- views
CREATE OR REPLACE VIEW default.`contact_channels` ON CLUSTER `analytics`
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT `project_id`, `branch_id`, `id`, `user_id`, CAST(`type` AS String) AS `type`, `value`, `is_primary`, `is_verified`, `used_for_auth`, `created_at`
FROM analytics_internal.`contact_channels` FINAL
WHERE `sync_is_deleted` = 0;
CREATE OR REPLACE VIEW default.`team_member_profiles` ON CLUSTER `analytics`
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT `project_id`, `branch_id`, `team_id`, `user_id`, `display_name`, `profile_image_url`, `created_at`
FROM analytics_internal.`team_member_profiles` FINAL
WHERE `sync_is_deleted` = 0;
CREATE OR REPLACE VIEW default.`teams` ON CLUSTER `analytics`
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT `project_id`, `branch_id`, `id`, `display_name`, `profile_image_url`, `created_at`, `client_metadata`, `client_read_only_metadata`, `server_metadata`
FROM analytics_internal.`teams` FINAL
WHERE `sync_is_deleted` = 0;
CREATE OR REPLACE VIEW default.`users` ON CLUSTER `analytics`
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT `project_id`, `branch_id`, `id`, `display_name`, `profile_image_url`, `primary_email`, `primary_email_verified`, `signed_up_at`, `client_metadata`, `client_read_only_metadata`, `server_metadata`, `is_anonymous`, `restricted_by_admin`, `restricted_by_admin_reason`, `restricted_by_admin_private_details`
FROM analytics_internal.`users` FINAL
WHERE `sync_is_deleted` = 0;
-- grants
GRANT ON CLUSTER `analytics` SELECT ON default.`contact_channels`, SELECT ON default.`team_member_profiles`, SELECT ON default.`teams`, SELECT ON default.`users`
TO `limited_user`
WITH REPLACE OPTION;
