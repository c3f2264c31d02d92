# Flags every target shares, and the two functions that make a target: one library per folder of src/, one test
# program per folder of tests/. Sources are globbed, so adding a file edits no list.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
# CMake's Release adds -DNDEBUG; our asserts guard the step path against our own mistakes and stay on.
set(CMAKE_CXX_FLAGS_RELEASE "-O3")

add_library(paceline_flags INTERFACE)
# -ffp-contract=off: section "fused multiply-add only where written" of docs/numerics.md.
# -Wno-restrict: g++ 12 sees overlaps in std::string's own operator+ that are not there (GCC bug 105651).
target_compile_options(paceline_flags INTERFACE -ffp-contract=off -Wall -Wextra -Wshadow -Wconversion
  -Wno-sign-conversion $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<BOOL:${PACELINE_WERROR}>:-Werror>)
target_include_directories(paceline_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
if(PACELINE_SANITIZE)
  target_compile_options(paceline_flags INTERFACE -fsanitize=${PACELINE_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(paceline_flags INTERFACE -fsanitize=${PACELINE_SANITIZE})
endif()
# paceline_library(NAME FOLDER [folders it may use...]): static library paceline_NAME of src/FOLDER/*.cpp.
function(paceline_library name folder)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${folder}/*.cpp)
  add_library(paceline_${name} STATIC ${sources})
  set_target_properties(paceline_${name} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(paceline_${name} PUBLIC paceline_flags)
  foreach(dependency ${ARGN})
    target_link_libraries(paceline_${name} PUBLIC paceline_${dependency})
  endforeach()
endfunction()

# paceline_test(FOLDER libraries...): tests/FOLDER/*_test.cpp as one GoogleTest program, one ctest entry per test suite file.
function(paceline_test folder)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${folder}/*.cpp)
  string(REPLACE "/" "_" name ${folder})
  if(NOT sources)
    message(FATAL_ERROR "tests/${folder} has no tests")
  endif()
  add_executable(${name}_tests ${sources})
  foreach(dependency ${ARGN})
    target_link_libraries(${name}_tests PRIVATE paceline_${dependency})
  endforeach()
  target_link_libraries(${name}_tests PRIVATE GTest::gmock GTest::gtest_main Threads::Threads)
  # What a test itself computes is little; compiling GoogleTest's macros is what takes time.
  target_compile_options(${name}_tests PRIVATE $<IF:$<CONFIG:Debug>,-O0,-O1>)
  target_include_directories(${name}_tests PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name}_tests PRIVATE PACELINE_TEST_DATA="${PROJECT_SOURCE_DIR}/tests"
    PACELINE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME unit.${name} COMMAND ${name}_tests)
  set_tests_properties(unit.${name} PROPERTIES LABELS unit)
endfunction()

# paceline_long_tests(NAME FILTER): those of a GoogleTest program that take minutes under sanitizers are a check, not unit tests.
function(paceline_long_tests name filter)
  set_tests_properties(unit.${name} PROPERTIES ENVIRONMENT "GTEST_FILTER=-${filter}")
  add_test(NAME long.${name} COMMAND ${name}_tests --gtest_filter=${filter})
  set_tests_properties(long.${name} PROPERTIES LABELS check)
endfunction()
