CREATE TABLE IF NOT EXISTS public."team_member_profiles" (
  "team_id" uuid NOT NULL,
  "user_id" uuid NOT NULL,
  "display_name" text,
  "profile_image_url" text,
  "created_at" timestamp without time zone NOT NULL,
  PRIMARY KEY ("team_id", "user_id")
);
REVOKE ALL ON TABLE public."team_member_profiles" FROM PUBLIC;
GRANT SELECT ON TABLE public."team_member_profiles" TO PUBLIC;
