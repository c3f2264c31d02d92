# The JSON Schema Test Suite for text_tests, unpacked at build time from tests/data/schema (needs python3 only).
set(schema_data ${CMAKE_CURRENT_LIST_DIR}/../data/schema)
set(schema_out ${PROJECT_BINARY_DIR}/schema_data)
add_custom_command(OUTPUT ${schema_out}/done
  COMMAND ${Python3_EXECUTABLE} -B ${schema_data}/expand.py ${schema_out}
  COMMAND ${CMAKE_COMMAND} -E touch ${schema_out}/done
  DEPENDS ${schema_data}/suite.json.xz ${schema_data}/expand.py
  COMMENT "Unpacking the JSON Schema Test Suite" VERBATIM)
add_custom_target(schema_data DEPENDS ${schema_out}/done)
add_dependencies(text_tests schema_data)
target_compile_definitions(text_tests PRIVATE PACELINE_SCHEMA_DATA="${schema_out}")
