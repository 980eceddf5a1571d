SELECT (
  SELECT TRUE
  FROM public."ProjectUser"
  WHERE "tenancyId" >= $1
    AND "tenancyId" <= $1
    AND "shouldUpdateSequenceId"
  ORDER BY "tenancyId" NULLS FIRST
  LIMIT 1
) IS NOT NULL
OR (
  SELECT TRUE
  FROM public."DeletedRow"
  WHERE "tenancyId" >= $1
    AND "tenancyId" <= $1
    AND "tableName" = 'ProjectUser'
    AND "shouldUpdateSequenceId"
  ORDER BY "tenancyId" NULLS FIRST
  LIMIT 1
) IS NOT NULL
OR (
  SELECT TRUE
  FROM tributary.marker
  WHERE "tenancyId" >= $1
    AND "tenancyId" <= $1
    AND "tableName" = 'ProjectUser'
  ORDER BY "tenancyId" NULLS FIRST
  LIMIT 1
) IS NOT NULL;
