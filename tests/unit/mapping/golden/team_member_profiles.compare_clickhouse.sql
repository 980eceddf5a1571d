SELECT toString(`team_id`), toString(`user_id`)
FROM (
  SELECT *, row_number() OVER (ORDER BY toString(`team_id`), toString(`user_id`)) - 1 AS place
  FROM (
SELECT `team_id`, `user_id`
FROM default.`team_member_profiles`
WHERE `project_id` = {project:String} AND `branch_id` = {branch:String}
  AND (toString(`team_id`), toString(`user_id`)) >= ({low_0:String}, {low_1:String})
  AND (toString(`team_id`), toString(`user_id`)) < ({high_0:String}, {high_1:String})
ORDER BY toString(`team_id`), toString(`user_id`)
LIMIT {most:Int64}
  )
)
WHERE place > 0 AND place % {step:Int64} = 0
ORDER BY place;
SELECT place AS range, toInt64(count()) AS rows, toString(sum(toInt128(digest))) AS sum
FROM (
SELECT key_0, key_1, digest, if(place + 1 <= length({bounds_0:Array(String)}) AND (key_0, key_1) >= ({bounds_0:Array(String)}[place + 1], {bounds_1:Array(String)}[place + 1]), place + 1, place) AS place
FROM (
SELECT key_0, key_1, digest, if(place + 2 <= length({bounds_0:Array(String)}) AND (key_0, key_1) >= ({bounds_0:Array(String)}[place + 2], {bounds_1:Array(String)}[place + 2]), place + 2, place) AS place
FROM (
SELECT key_0, key_1, digest, if(place + 4 <= length({bounds_0:Array(String)}) AND (key_0, key_1) >= ({bounds_0:Array(String)}[place + 4], {bounds_1:Array(String)}[place + 4]), place + 4, place) AS place
FROM (
SELECT key_0, key_1, digest, if(place + 8 <= length({bounds_0:Array(String)}) AND (key_0, key_1) >= ({bounds_0:Array(String)}[place + 8], {bounds_1:Array(String)}[place + 8]), place + 8, place) AS place
FROM (
SELECT key_0, key_1, digest, if(place + 16 <= length({bounds_0:Array(String)}) AND (key_0, key_1) >= ({bounds_0:Array(String)}[place + 16], {bounds_1:Array(String)}[place + 16]), place + 16, place) AS place
FROM (
SELECT key_0, key_1, digest, if(place + 32 <= length({bounds_0:Array(String)}) AND (key_0, key_1) >= ({bounds_0:Array(String)}[place + 32], {bounds_1:Array(String)}[place + 32]), place + 32, place) AS place
FROM (
SELECT key_0, key_1, digest, if(place + 64 <= length({bounds_0:Array(String)}) AND (key_0, key_1) >= ({bounds_0:Array(String)}[place + 64], {bounds_1:Array(String)}[place + 64]), place + 64, place) AS place
FROM (
SELECT key_0, key_1, digest, if(place + 128 <= length({bounds_0:Array(String)}) AND (key_0, key_1) >= ({bounds_0:Array(String)}[place + 128], {bounds_1:Array(String)}[place + 128]), place + 128, place) AS place
FROM (
SELECT key_0, key_1, digest, if(place + 256 <= length({bounds_0:Array(String)}) AND (key_0, key_1) >= ({bounds_0:Array(String)}[place + 256], {bounds_1:Array(String)}[place + 256]), place + 256, place) AS place
FROM (
SELECT key_0, key_1, digest, if(place + 512 <= length({bounds_0:Array(String)}) AND (key_0, key_1) >= ({bounds_0:Array(String)}[place + 512], {bounds_1:Array(String)}[place + 512]), place + 512, place) AS place
FROM (
SELECT toString(`team_id`) AS key_0, toString(`user_id`) AS key_1, reinterpretAsInt64(halfMD5(concat(concat(toString(`team_id`), ';'), concat(toString(`user_id`), ';'), if(isNull(`display_name`), ':', concat(toString(length(toString(assumeNotNull(`display_name`)))), ':', toString(assumeNotNull(`display_name`)))), if(isNull(`profile_image_url`), ':', concat(toString(length(toString(assumeNotNull(`profile_image_url`)))), ':', toString(assumeNotNull(`profile_image_url`)))), concat(if(endsWith(toString(`created_at`), '.000'), substring(toString(`created_at`), 1, 19), trim(TRAILING '0' FROM toString(`created_at`))), ';'), ''))) AS digest, toInt64(0) AS place
FROM default.`team_member_profiles`
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
SELECT toString(`team_id`), toString(`user_id`), toString(reinterpretAsInt64(halfMD5(concat(concat(toString(`team_id`), ';'), concat(toString(`user_id`), ';'), if(isNull(`display_name`), ':', concat(toString(length(toString(assumeNotNull(`display_name`)))), ':', toString(assumeNotNull(`display_name`)))), if(isNull(`profile_image_url`), ':', concat(toString(length(toString(assumeNotNull(`profile_image_url`)))), ':', toString(assumeNotNull(`profile_image_url`)))), concat(if(endsWith(toString(`created_at`), '.000'), substring(toString(`created_at`), 1, 19), trim(TRAILING '0' FROM toString(`created_at`))), ';'), ''))))
FROM default.`team_member_profiles`
WHERE `project_id` = {project:String} AND `branch_id` = {branch:String}
  AND (toString(`team_id`), toString(`user_id`)) >= ({low_0:String}, {low_1:String})
  AND (toString(`team_id`), toString(`user_id`)) < ({high_0:String}, {high_1:String});
SELECT toString(`team_id`), toString(`user_id`),
       concat(substring(lower(hex(MD5(concat(toString(`team_id`), ';')))), 1, 8), ',',
       substring(lower(hex(MD5(concat(toString(`user_id`), ';')))), 1, 8), ',',
       substring(lower(hex(MD5(if(isNull(`display_name`), ':', concat(toString(length(toString(assumeNotNull(`display_name`)))), ':', toString(assumeNotNull(`display_name`))))))), 1, 8), ',',
       substring(lower(hex(MD5(if(isNull(`profile_image_url`), ':', concat(toString(length(toString(assumeNotNull(`profile_image_url`)))), ':', toString(assumeNotNull(`profile_image_url`))))))), 1, 8), ',',
       substring(lower(hex(MD5(concat(if(endsWith(toString(`created_at`), '.000'), substring(toString(`created_at`), 1, 19), trim(TRAILING '0' FROM toString(`created_at`))), ';')))), 1, 8), ',')
FROM default.`team_member_profiles`
WHERE `project_id` = {project:String} AND `branch_id` = {branch:String}
  AND (toString(`team_id`), toString(`user_id`)) IN arrayZip({keys_0:Array(String)}, {keys_1:Array(String)});
