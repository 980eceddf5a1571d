SELECT toString(`id`)
FROM (
  SELECT *, row_number() OVER (ORDER BY toString(`id`)) - 1 AS place
  FROM (
SELECT `id`
FROM default.`users`
WHERE `project_id` = {project:String} AND `branch_id` = {branch:String}
  AND toString(`id`) >= {low_0:String}
  AND toString(`id`) < {high_0:String}
ORDER BY toString(`id`)
LIMIT {most:Int64}
  )
)
WHERE place > 0 AND place % {step:Int64} = 0
ORDER BY place;
SELECT place AS range, toInt64(count()) AS rows, toString(sum(toInt128(digest))) AS sum
FROM (
SELECT key_0, digest, if(place + 1 <= length({bounds_0:Array(String)}) AND key_0 >= {bounds_0:Array(String)}[place + 1], place + 1, place) AS place
FROM (
SELECT key_0, digest, if(place + 2 <= length({bounds_0:Array(String)}) AND key_0 >= {bounds_0:Array(String)}[place + 2], place + 2, place) AS place
FROM (
SELECT key_0, digest, if(place + 4 <= length({bounds_0:Array(String)}) AND key_0 >= {bounds_0:Array(String)}[place + 4], place + 4, place) AS place
FROM (
SELECT key_0, digest, if(place + 8 <= length({bounds_0:Array(String)}) AND key_0 >= {bounds_0:Array(String)}[place + 8], place + 8, place) AS place
FROM (
SELECT key_0, digest, if(place + 16 <= length({bounds_0:Array(String)}) AND key_0 >= {bounds_0:Array(String)}[place + 16], place + 16, place) AS place
FROM (
SELECT key_0, digest, if(place + 32 <= length({bounds_0:Array(String)}) AND key_0 >= {bounds_0:Array(String)}[place + 32], place + 32, place) AS place
FROM (
SELECT key_0, digest, if(place + 64 <= length({bounds_0:Array(String)}) AND key_0 >= {bounds_0:Array(String)}[place + 64], place + 64, place) AS place
FROM (
SELECT key_0, digest, if(place + 128 <= length({bounds_0:Array(String)}) AND key_0 >= {bounds_0:Array(String)}[place + 128], place + 128, place) AS place
FROM (
SELECT key_0, digest, if(place + 256 <= length({bounds_0:Array(String)}) AND key_0 >= {bounds_0:Array(String)}[place + 256], place + 256, place) AS place
FROM (
SELECT key_0, digest, if(place + 512 <= length({bounds_0:Array(String)}) AND key_0 >= {bounds_0:Array(String)}[place + 512], place + 512, place) AS place
FROM (
SELECT toString(`id`) AS key_0, reinterpretAsInt64(halfMD5(concat(concat(toString(`id`), ';'), if(isNull(`display_name`), ':', concat(toString(length(toString(assumeNotNull(`display_name`)))), ':', toString(assumeNotNull(`display_name`)))), if(isNull(`profile_image_url`), ':', concat(toString(length(toString(assumeNotNull(`profile_image_url`)))), ':', toString(assumeNotNull(`profile_image_url`)))), if(isNull(`primary_email`), ':', concat(toString(length(toString(assumeNotNull(`primary_email`)))), ':', toString(assumeNotNull(`primary_email`)))), concat(if(`primary_email_verified`, 't', 'f'), ';'), concat(if(endsWith(toString(`signed_up_at`), '.000'), substring(toString(`signed_up_at`), 1, 19), trim(TRAILING '0' FROM toString(`signed_up_at`))), ';'), concat(toString(`client_metadata`), ';'), concat(toString(`client_read_only_metadata`), ';'), concat(toString(`server_metadata`), ';'), concat(if(`is_anonymous`, 't', 'f'), ';'), concat(if(`restricted_by_admin`, 't', 'f'), ';'), if(isNull(`restricted_by_admin_reason`), ':', concat(toString(length(toString(assumeNotNull(`restricted_by_admin_reason`)))), ':', toString(assumeNotNull(`restricted_by_admin_reason`)))), if(isNull(`restricted_by_admin_private_details`), ':', concat(toString(length(toString(assumeNotNull(`restricted_by_admin_private_details`)))), ':', toString(assumeNotNull(`restricted_by_admin_private_details`)))), ''))) AS digest, toInt64(0) AS place
FROM default.`users`
WHERE `project_id` = {project:String} AND `branch_id` = {branch:String}
)
)
)
)
)
)
)
)
)
)
)
GROUP BY place;
SELECT toString(`id`), toString(reinterpretAsInt64(halfMD5(concat(concat(toString(`id`), ';'), if(isNull(`display_name`), ':', concat(toString(length(toString(assumeNotNull(`display_name`)))), ':', toString(assumeNotNull(`display_name`)))), if(isNull(`profile_image_url`), ':', concat(toString(length(toString(assumeNotNull(`profile_image_url`)))), ':', toString(assumeNotNull(`profile_image_url`)))), if(isNull(`primary_email`), ':', concat(toString(length(toString(assumeNotNull(`primary_email`)))), ':', toString(assumeNotNull(`primary_email`)))), concat(if(`primary_email_verified`, 't', 'f'), ';'), concat(if(endsWith(toString(`signed_up_at`), '.000'), substring(toString(`signed_up_at`), 1, 19), trim(TRAILING '0' FROM toString(`signed_up_at`))), ';'), concat(toString(`client_metadata`), ';'), concat(toString(`client_read_only_metadata`), ';'), concat(toString(`server_metadata`), ';'), concat(if(`is_anonymous`, 't', 'f'), ';'), concat(if(`restricted_by_admin`, 't', 'f'), ';'), if(isNull(`restricted_by_admin_reason`), ':', concat(toString(length(toString(assumeNotNull(`restricted_by_admin_reason`)))), ':', toString(assumeNotNull(`restricted_by_admin_reason`)))), if(isNull(`restricted_by_admin_private_details`), ':', concat(toString(length(toString(assumeNotNull(`restricted_by_admin_private_details`)))), ':', toString(assumeNotNull(`restricted_by_admin_private_details`)))), ''))))
FROM default.`users`
WHERE `project_id` = {project:String} AND `branch_id` = {branch:String}
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
FROM default.`users`
WHERE `project_id` = {project:String} AND `branch_id` = {branch:String}
  AND toString(`id`) IN {keys_0:Array(String)};
