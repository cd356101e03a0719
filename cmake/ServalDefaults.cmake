# Compiler settings every target of the project shares.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(SERVAL_PLUGIN_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/serval/plugins)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(SERVAL_CCACHE ccache)
if(SERVAL_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${SERVAL_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SERVAL_CCACHE})
endif()

add_compile_options(-Wall -Wextra)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options(-Wno-restrict)  # false alarms in std::string, GCC bug 105329
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)  # the fuzzers are built with clang, which has no such option
  add_compile_options(-fno-gnu-unique)
endif()
set(SERVAL_TIME_FACTOR 1)  # of the tests' time limits
if(SERVAL_SANITIZE)
  set(SERVAL_TIME_FACTOR 4)
  add_compile_options(-fsanitize=${SERVAL_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SERVAL_SANITIZE})
endif()

find_package(Threads REQUIRED)

# serval_test(NAME SOURCES... [LIBS ...]): one GoogleTest binary, its cases known to ctest.
function(serval_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LIBS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_executable(${name} ${arg_SOURCES} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${arg_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  math(EXPR arg_TIMEOUT "${SERVAL_TIME_FACTOR} * ${arg_TIMEOUT}")
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 120 DISCOVERY_MODE PRE_TEST
                       PROPERTIES TIMEOUT ${arg_TIMEOUT})
endfunction()
