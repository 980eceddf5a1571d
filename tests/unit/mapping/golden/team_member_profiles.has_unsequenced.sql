SELECT (
  SELECT TRUE
  FROM public."TeamMember"
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
    AND "tableName" = 'TeamMember'
    AND "shouldUpdateSequenceId"
  ORDER BY "tenancyId" NULLS FIRST
  LIMIT 1
) IS NOT NULL
OR (
  SELECT TRUE
  FROM tributary.marker
  WHERE "tenancyId" >= $1
    AND "tenancyId" <= $1
    AND "tableName" = 'TeamMember'
  ORDER BY "tenancyId" NULLS FIRST
  LIMIT 1
) IS NOT NULL;
