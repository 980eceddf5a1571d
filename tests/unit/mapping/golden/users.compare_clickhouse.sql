SELECT toString(`id`)
FROM (
  SELECT *, row_number() OVER (ORDER BY toString(`id`)) - 1 AS place
  FROM (
SELECT `id`
FROM analytics_internal.`users` FINAL
WHERE `project_id` = {project:String} AND `branch_id` = {branch:String} AND `sync_is_deleted` = 0
  AND toString(`id`) >= {low_0:String}
  AND toString(`id`) < {high_0:String}
ORDER BY toString(`id`)
LIMIT {most:Int64}
  )
)
WHERE place > 0 AND place % {step:Int64} = 0
ORDER BY place;
WITH
  {bounds_0:Array(String)} AS bounds_0,
  toInt64(0) AS place_0,
  if(place_0 + 512 <= length(bounds_0) AND toString(`id`) >= bounds_0[place_0 + 512], place_0 + 512, place_0) AS place_1,
  if(place_1 + 256 <= length(bounds_0) AND toString(`id`) >= bounds_0[place_1 + 256], place_1 + 256, place_1) AS place_2,
  if(place_2 + 128 <= length(bounds_0) AND toString(`id`) >= bounds_0[place_2 + 128], place_2 + 128, place_2) AS place_3,
  if(place_3 + 64 <= length(bounds_0) AND toString(`id`) >= bounds_0[place_3 + 64], place_3 + 64, place_3) AS place_4,
  if(place_4 + 32 <= length(bounds_0) AND toString(`id`) >= bounds_0[place_4 + 32], place_4 + 32, place_4) AS place_5,
  if(place_5 + 16 <= length(bounds_0) AND toString(`id`) >= bounds_0[place_5 + 16], place_5 + 16, place_5) AS place_6,
  if(place_6 + 8 <= length(bounds_0) AND toString(`id`) >= bounds_0[place_6 + 8], place_6 + 8, place_6) AS place_7,
  if(place_7 + 4 <= length(bounds_0) AND toString(`id`) >= bounds_0[place_7 + 4], place_7 + 4, place_7) AS place_8,
  if(place_8 + 2 <= length(bounds_0) AND toString(`id`) >= bounds_0[place_8 + 2], place_8 + 2, place_8) AS place_9,
  if(place_9 + 1 <= length(bounds_0) AND toString(`id`) >= bounds_0[place_9 + 1], place_9 + 1, place_9) AS place_10,
  place_10 AS range
SELECT range, toInt64(count()) AS rows, toString(sum(toInt128(reinterpretAsInt64(halfMD5(concat(concat(toString(`id`), ';'), if(isNull(`display_name`), ':', concat(toString(length(toString(assumeNotNull(`display_name`)))), ':', toString(assumeNotNull(`display_name`)))), if(isNull(`profile_image_url`), ':', concat(toString(length(toString(assumeNotNull(`profile_image_url`)))), ':', toString(assumeNotNull(`profile_image_url`)))), if(isNull(`primary_email`), ':', concat(toString(length(toString(assumeNotNull(`primary_email`)))), ':', toString(assumeNotNull(`primary_email`)))), concat(if(`primary_email_verified`, 't', 'f'), ';'), concat(if(endsWith(toString(`signed_up_at`), '.000'), substring(toString(`signed_up_at`), 1, 19), trim(TRAILING '0' FROM toString(`signed_up_at`))), ';'), concat(toString(`client_metadata`), ';'), concat(toString(`client_read_only_metadata`), ';'), concat(toString(`server_metadata`), ';'), concat(if(`is_anonymous`, 't', 'f'), ';'), concat(if(`restricted_by_admin`, 't', 'f'), ';'), if(isNull(`restricted_by_admin_reason`), ':', concat(toString(length(toString(assumeNotNull(`restricted_by_admin_reason`)))), ':', toString(assumeNotNull(`restricted_by_admin_reason`)))), if(isNull(`restricted_by_admin_private_details`), ':', concat(toString(length(toString(assumeNotNull(`restricted_by_admin_private_details`)))), ':', toString(assumeNotNull(`restricted_by_admin_private_details`)))), '')))))) AS sum
FROM analytics_internal.`users` FINAL
WHERE `project_id` = {project:String} AND `branch_id` = {branch:String} AND `sync_is_deleted` = 0
GROUP BY range;
SELECT toString(`id`), toString(reinterpretAsInt64(halfMD5(concat(concat(toString(`id`), ';'), if(isNull(`display_name`), ':', concat(toString(length(toString(assumeNotNull(`display_name`)))), ':', toString(assumeNotNull(`display_name`)))), if(isNull(`profile_image_url`), ':', concat(toString(length(toString(assumeNotNull(`profile_image_url`)))), ':', toString(assumeNotNull(`profile_image_url`)))), if(isNull(`primary_email`), ':', concat(toString(length(toString(assumeNotNull(`primary_email`)))), ':', toString(assumeNotNull(`primary_email`)))), concat(if(`primary_email_verified`, 't', 'f'), ';'), concat(if(endsWith(toString(`signed_up_at`), '.000'), substring(toString(`signed_up_at`), 1, 19), trim(TRAILING '0' FROM toString(`signed_up_at`))), ';'), concat(toString(`client_metadata`), ';'), concat(toString(`client_read_only_metadata`), ';'), concat(toString(`server_metadata`), ';'), concat(if(`is_anonymous`, 't', 'f'), ';'), concat(if(`restricted_by_admin`, 't', 'f'), ';'), if(isNull(`restricted_by_admin_reason`), ':', concat(toString(length(toString(assumeNotNull(`restricted_by_admin_reason`)))), ':', toString(assumeNotNull(`restricted_by_admin_reason`)))), if(isNull(`restricted_by_admin_private_details`), ':', concat(toString(length(toString(assumeNotNull(`restricted_by_admin_private_details`)))), ':', toString(assumeNotNull(`restricted_by_admin_private_details`)))), ''))))
FROM analytics_internal.`users` FINAL
WHERE `project_id` = {project:String} AND `branch_id` = {branch:String} AND `sync_is_deleted` = 0
  AND toString(`id`) >= {low_0:String}
  AND toString(`id`) < {high_0:String};
SELECT toString(`id`),
       concat(substring(lower(hex(MD5(concat(toString(`id`), ';')))), 1, 8), ',',
       substring(lower(hex(MD5(if(isNull(`display_name`), ':', concat(toString(length(toString(assumeNotNull(`display_name`)))), ':', toString(assumeNotNull(`display_name`))))))), 1, 8), ',',
       substring(lower(hex(MD5(if(isNull(`profile_image_url`), ':', concat(toString(length(toString(assumeNotNull(`profile_image_url`)))), ':', toString(assumeNotNull(`profile_image_url`))))))), 1, 8), ',',
       substring(lower(hex(MD5(if(isNull(`primary_email`), ':', concat(toString(length(toString(assumeNotNull(`primary_email`)))), ':', toString(assumeNotNull(`primary_email`))))))), 1, 8), ',',
       substring(lower(hex(MD5(concat(if(`primary_email_verified`, 't', 'f'), ';')))), 1, 8), ',',
       substring(lower(hex(MD5(concat(if(endsWith(toString(`signed_up_at`), '.000'), substring(toString(`signed_up_at`), 1, 19), trim(TRAILING '0' FROM toString(`signed_up_at`))), ';')))), 1, 8), ',',
       substring(lower(hex(MD5(concat(toString(`client_metadata`), ';')))), 1, 8), ',',
       substring(lower(hex(MD5(concat(toString(`client_read_only_metadata`), ';')))), 1, 8), ',',
       substring(lower(hex(MD5(concat(toString(`server_metadata`), ';')))), 1, 8), ',',
       substring(lower(hex(MD5(concat(if(`is_anonymous`, 't', 'f'), ';')))), 1, 8), ',',
       substring(lower(hex(MD5(concat(if(`restricted_by_admin`, 't', 'f'), ';')))), 1, 8), ',',
       substring(lower(hex(MD5(if(isNull(`restricted_by_admin_reason`), ':', concat(toString(length(toString(assumeNotNull(`restricted_by_admin_reason`)))), ':', toString(assumeNotNull(`restricted_by_admin_reason`))))))), 1, 8), ',',
       substring(lower(hex(MD5(if(isNull(`restricted_by_admin_private_details`), ':', concat(toString(length(toString(assumeNotNull(`restricted_by_admin_private_details`)))), ':', toString(assumeNotNull(`restricted_by_admin_private_details`))))))), 1, 8), ',')
FROM analytics_internal.`users` FINAL
WHERE `project_id` = {project:String} AND `branch_id` = {branch:String} AND `sync_is_deleted` = 0
  AND toString(`id`) IN {keys_0:Array(String)};
