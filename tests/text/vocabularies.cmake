# Vocabulary files and tokenizer vectors for text_tests, unpacked at build time from tests/data/tokenizer (needs python3 only).
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(tokenizer_data ${CMAKE_CURRENT_LIST_DIR}/../data/tokenizer)
set(tokenizer_out ${PROJECT_BINARY_DIR}/tokenizer_data)
file(GLOB tokenizer_packs CONFIGURE_DEPENDS ${tokenizer_data}/*.xz)
add_custom_command(OUTPUT ${tokenizer_out}/done
  COMMAND ${Python3_EXECUTABLE} -B ${tokenizer_data}/expand.py ${tokenizer_out}
  COMMAND ${CMAKE_COMMAND} -E touch ${tokenizer_out}/done
  DEPENDS ${tokenizer_packs} ${tokenizer_data}/expand.py
  COMMENT "Unpacking the tokenizer vectors" VERBATIM)
add_custom_target(tokenizer_data DEPENDS ${tokenizer_out}/done)
add_dependencies(text_tests tokenizer_data)
target_compile_definitions(text_tests PRIVATE PACELINE_TOKENIZER_DATA="${tokenizer_out}")
