CREATE TABLE IF NOT EXISTS public."contact_channels" (
  "id" uuid NOT NULL,
  "user_id" uuid NOT NULL,
  "type" text NOT NULL,
  "value" text NOT NULL,
  "is_primary" boolean NOT NULL,
  "is_verified" boolean NOT NULL,
  "used_for_auth" boolean NOT NULL,
  "created_at" timestamp without time zone NOT NULL,
  PRIMARY KEY ("id")
);
REVOKE ALL ON TABLE public."contact_channels" FROM PUBLIC;
GRANT SELECT ON TABLE public."contact_channels" TO PUBLIC;
