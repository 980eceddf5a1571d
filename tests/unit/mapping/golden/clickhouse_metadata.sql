INSERT INTO analytics_internal._stack_sync_metadata (`tenancy_id`, `mapping_name`, `generation`, `last_synced_sequence_id`, `complete_until`, `complete_through`) FORMAT Native;
SELECT `tenancy_id`,
       `mapping_name`,
       `generation`,
       CAST(max(`last_synced_sequence_id`) AS Int64) AS `last_synced_sequence_id`,
       CAST(max(`complete_until`) AS Nullable(DateTime64(6, 'UTC'))) AS `complete_until`,
       CAST(max(`complete_through`) AS Int64) AS `complete_through`
FROM analytics_internal._stack_sync_metadata
WHERE `tenancy_id` IN {tenancies:Array(UUID)}
GROUP BY `tenancy_id`, `mapping_name`, `generation`
ORDER BY `tenancy_id`, `mapping_name`, `generation` DESC
LIMIT 1 BY `tenancy_id`, `mapping_name`;
SELECT DISTINCT `version`, `installation_id` FROM analytics_internal._tributary_schema ORDER BY `version`, `installation_id`;
SELECT name, engine, engine_full, partition_key
FROM system.tables
WHERE database = 'analytics_internal'
ORDER BY name;
SELECT table, name, type, is_in_sorting_key
FROM system.columns
WHERE database = 'analytics_internal'
ORDER BY table, position;
SELECT table, name
FROM system.columns
WHERE database = 'default'
  AND table IN (SELECT name FROM system.tables WHERE database = 'default' AND engine = 'View')
ORDER BY table, position;
