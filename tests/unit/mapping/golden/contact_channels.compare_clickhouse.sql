SELECT toString(`id`)
FROM (
  SELECT *, row_number() OVER (ORDER BY toString(`id`)) - 1 AS place
  FROM (
SELECT `id`
FROM default.`contact_channels`
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
SELECT toString(`id`) AS key_0, reinterpretAsInt64(halfMD5(concat(concat(toString(`id`), ';'), concat(toString(`user_id`), ';'), concat(toString(length(toString(`type`))), ':', toString(`type`)), concat(toString(length(toString(`value`))), ':', toString(`value`)), concat(if(`is_primary`, 't', 'f'), ';'), concat(if(`is_verified`, 't', 'f'), ';'), concat(if(`used_for_auth`, 't', 'f'), ';'), concat(if(endsWith(toString(`created_at`), '.000'), substring(toString(`created_at`), 1, 19), trim(TRAILING '0' FROM toString(`created_at`))), ';'), ''))) AS digest, toInt64(0) AS place
FROM default.`contact_channels`
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
SELECT toString(`id`), toString(reinterpretAsInt64(halfMD5(concat(concat(toString(`id`), ';'), concat(toString(`user_id`), ';'), concat(toString(length(toString(`type`))), ':', toString(`type`)), concat(toString(length(toString(`value`))), ':', toString(`value`)), concat(if(`is_primary`, 't', 'f'), ';'), concat(if(`is_verified`, 't', 'f'), ';'), concat(if(`used_for_auth`, 't', 'f'), ';'), concat(if(endsWith(toString(`created_at`), '.000'), substring(toString(`created_at`), 1, 19), trim(TRAILING '0' FROM toString(`created_at`))), ';'), ''))))
FROM default.`contact_channels`
WHERE `project_id` = {project:String} AND `branch_id` = {branch:String}
  AND toString(`id`) >= {low_0:String}
  AND toString(`id`) < {high_0:String};
SELECT toString(`id`),
       concat(substring(lower(hex(MD5(concat(toString(`id`), ';')))), 1, 8), ',',
       substring(lower(hex(MD5(concat(toString(`user_id`), ';')))), 1, 8), ',',
       substring(lower(hex(MD5(concat(toString(length(toString(`type`))), ':', toString(`type`))))), 1, 8), ',',
       substring(lower(hex(MD5(concat(toString(length(toString(`value`))), ':', toString(`value`))))), 1, 8), ',',
       substring(lower(hex(MD5(concat(if(`is_primary`, 't', 'f'), ';')))), 1, 8), ',',
       substring(lower(hex(MD5(concat(if(`is_verified`, 't', 'f'), ';')))), 1, 8), ',',
       substring(lower(hex(MD5(concat(if(`used_for_auth`, 't', 'f'), ';')))), 1, 8), ',',
       substring(lower(hex(MD5(concat(if(endsWith(toString(`created_at`), '.000'), substring(toString(`created_at`), 1, 19), trim(TRAILING '0' FROM toString(`created_at`))), ';')))), 1, 8), ',')
FROM default.`contact_channels`
WHERE `project_id` = {project:String} AND `branch_id` = {branch:String}
  AND toString(`id`) IN {keys_0:Array(String)};
