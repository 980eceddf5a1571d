# Builds the pages in SOURCE into FOLDER. Needs what `make setup` has installed there, and no network.
if(NOT EXISTS ${SOURCE}/node_modules/.bin/vite)
  message(FATAL_ERROR "dashboard/node_modules is missing: run `make setup` (or leave the dashboard out: cmake -DTRIBUTARY_DASHBOARD=OFF)")
endif()
execute_process(COMMAND ${NPM} run --silent build -- --outDir ${FOLDER} --emptyOutDir --logLevel warn
  WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "the dashboard's pages cannot be built:\n${output}")
endif()
