# Chat templates with their golden renders for text_tests, unpacked at build time from tests/data/templates (needs python3 only).
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(template_data ${CMAKE_CURRENT_LIST_DIR}/../data/templates)
set(template_out ${PROJECT_BINARY_DIR}/template_data)
add_custom_command(OUTPUT ${template_out}/vectors.json
  COMMAND ${Python3_EXECUTABLE} -B ${template_data}/expand.py ${template_out}
  DEPENDS ${template_data}/vectors.json.xz ${template_data}/expand.py
  COMMENT "Unpacking the chat templates" VERBATIM)
add_custom_target(template_data DEPENDS ${template_out}/vectors.json)
add_dependencies(text_tests template_data)
target_compile_definitions(text_tests PRIVATE PACELINE_TEMPLATE_DATA="${template_out}")
