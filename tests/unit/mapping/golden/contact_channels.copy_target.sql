COPY public."contact_channels" ("id", "user_id", "type", "value", "is_primary", "is_verified", "used_for_auth", "created_at") FROM STDIN (FORMAT binary);
